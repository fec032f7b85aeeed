package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// recordOf, changed and the inserts and updates of users are where personal
// values leave their wrapping.

func recordOf(n NewUser) record {
	return record{
		email: n.Email.Reveal(), name: n.Name.Reveal(), phone: n.Phone.Reveal(), address: n.Address.Reveal(),
		dateOfBirth: n.DateOfBirth.Reveal(), role: n.Role, timeZone: n.TimeZone, specialty: n.Specialty, bio: n.Bio,
	}
}

// changed returns u with c's fields over its own.
func changed(u User, c UserChange) record {
	r := record{
		email: u.Email.Reveal(), name: u.Name.Reveal(), phone: u.Phone.Reveal(), address: u.Address.Reveal(),
		dateOfBirth: u.DateOfBirth.Reveal(), role: u.Role, timeZone: u.TimeZone,
	}
	if c.Name != nil {
		r.name = c.Name.Reveal()
	}
	if c.Phone != nil {
		r.phone = c.Phone.Reveal()
	}
	if c.Address != nil {
		r.address = c.Address.Reveal()
	}
	if c.DateOfBirth != nil {
		r.dateOfBirth = c.DateOfBirth.Reveal()
	}
	if c.TimeZone != nil {
		r.timeZone = *c.TimeZone
	}
	if c.Role != nil {
		r.role = *c.Role
	}
	return r
}

// insertUser writes user and profile. It returns ErrEmailTaken: the unique
// index says so, without a look before.
func insertUser(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID, r record) error {
	now := sqldb.Instant(tx.Now())
	n, err := tx.Exec(ctx, `INSERT INTO users (id, email, name, role, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (email) DO NOTHING`, userID, r.email, r.name, string(r.role), now)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrEmailTaken
	}
	_, err = tx.Exec(ctx, `INSERT INTO user_profiles (user_id, phone, address, time_zone, date_of_birth, updated_at, version)
		VALUES ($1, $2, $3, $4, $5, $6, 1)`, userID, r.phone, r.address, r.timeZone, nullable(r.dateOfBirth), now)
	return err
}

// updateUser writes what may change of user and profile. The caller has locked the user.
func updateUser(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID, r record) error {
	_, err := tx.Exec(ctx, `UPDATE users SET name = $1, role = $2 WHERE id = $3`, r.name, string(r.role), userID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE user_profiles
		SET phone = $1, address = $2, time_zone = $3, date_of_birth = $4, updated_at = $5, version = version + 1
		WHERE user_id = $6`, r.phone, r.address, r.timeZone, nullable(r.dateOfBirth), sqldb.Instant(tx.Now()), userID)
	return err
}

// nullable is s, or NULL when s is empty.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

const selectUser = `SELECT u.id, u.email, u.name, u.role, u.created_at,
		f.phone, f.address, f.time_zone, f.date_of_birth, f.updated_at, f.version, p.id
	FROM users u
	JOIN user_profiles f ON f.user_id = u.id
	LEFT JOIN practitioners p ON p.user_id = u.id AND u.role = 'practitioner'
	WHERE `

func scanUser(r sqldb.Row) (u User, err error) {
	var practitioner uuid.NullUUID
	err = r.Scan(&u.ID, &u.Email, &u.Name, &u.Role, (*sqldb.Instant)(&u.CreatedAt),
		&u.Phone, &u.Address, &u.TimeZone, &u.DateOfBirth, (*sqldb.Instant)(&u.UpdatedAt), &u.Version, &practitioner)
	u.PractitionerID = practitioner.UUID
	return u, err
}

// userByID returns a user whom by may see, or ErrUserNotFound.
func userByID(ctx context.Context, tx *sqldb.Tx, by auth.Actor, userID uuid.UUID) (User, error) {
	u, err := sqldb.One(ctx, tx, scanUser, selectUser+`u.id = $1 AND (u.id = $2 OR CAST($3 AS BOOLEAN))`,
		userID, by.UserID, by.Is(auth.Admin))
	return u, notFound(err, ErrUserNotFound)
}

func userByEmail(ctx context.Context, tx *sqldb.Tx, email string) (User, error) {
	return sqldb.One(ctx, tx, scanUser, selectUser+`u.email = $1`, email)
}

// lockUser locks a user's profile, or returns ErrUserNotFound, also for who is
// erased: nothing is written of them any more.
func lockUser(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID) error {
	_, err := sqldb.One(ctx, tx, scanID, `SELECT user_id FROM user_profiles WHERE user_id = $1`+tx.ForUpdate(), userID)
	if err != nil {
		return notFound(err, ErrUserNotFound)
	}
	// Not in the statement that locks, which sees other tables as they were before
	// it had to wait.
	return checkThere(ctx, tx, userID)
}

// checkThere returns ErrUserNotFound for who is erased.
func checkThere(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID) error {
	erased, err := sqldb.All(ctx, tx, scanID, `SELECT p.patient_id FROM patients p WHERE p.patient_id = $1 AND p.erased_at IS NOT NULL`, userID)
	if err == nil && len(erased) > 0 {
		err = ErrUserNotFound
	}
	return err
}

// usersIn lists the users whom by may see.
func usersIn(ctx context.Context, tx *sqldb.Tx, by auth.Actor, f UserFilter, req page.Request) (p page.Of[User], err error) {
	after, err := position(req)
	if err != nil {
		return p, err
	}
	const matching = `(u.id = $1 OR CAST($2 AS BOOLEAN)) AND (CAST($3 AS TEXT) = '' OR u.role = $3)`
	args := []any{by.UserID, by.Is(auth.Admin), f.Role}
	users, err := sqldb.All(ctx, tx, scanUser, selectUser+matching+` AND u.id > $4 ORDER BY u.id LIMIT $5`,
		append(args, after, req.Limit+1)...)
	if err != nil {
		return p, err
	}
	p = page.Cut(users, req, func(u User) string { return u.ID.String() })
	if req.Count {
		p.Total, err = count(ctx, tx, `SELECT COUNT(*) FROM users u WHERE `+matching, args)
	}
	return p, err
}

// insertPractitioner makes the user a practitioner and lists them, unless they
// were one before, and returns under which id they are.
func insertPractitioner(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID, r record) (uuid.UUID, error) {
	practitionerID := id.New()
	n, err := tx.Exec(ctx, `INSERT INTO practitioners (id, user_id, specialty, bio, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO NOTHING`,
		practitionerID, userID, r.specialty, r.bio, sqldb.Instant(tx.Now()))
	if err != nil {
		return practitionerID, err
	}
	if n == 0 {
		return sqldb.One(ctx, tx, scanID, `SELECT id FROM practitioners WHERE user_id = $1`, userID)
	}
	_, err = tx.Exec(ctx, `INSERT INTO practitioner_search (practitioner_id, specialty, words, listed, version)
		VALUES ($1, $2, $3, TRUE, 1)`, practitionerID, fold(r.specialty), words(r.name, r.specialty, r.bio))
	return practitionerID, err
}

func words(name, specialty, bio string) string {
	return fold(name + " " + specialty + " " + bio)
}

// reindex brings what is searched of a user in line with what is kept of them,
// and raises the practitioner's version. It does nothing for users who never
// were practitioners.
func reindex(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID) error {
	practitionerID, err := sqldb.One(ctx, tx, scanID, `SELECT id FROM practitioners WHERE user_id = $1`, userID)
	if errors.Is(err, sqldb.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := lockPractitioner(ctx, tx, practitionerID); err != nil {
		return err
	}
	// Read under the lock: somebody else may be changing another part of it.
	p, err := sqldb.One(ctx, tx, scanPractitioner, selectPractitioner+`p.id = $1`, practitionerID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE practitioner_search SET specialty = $1, words = $2, version = version + 1,
			listed = (SELECT u.role = 'practitioner' FROM users u WHERE u.id = $3)
		WHERE practitioner_id = $4`, fold(p.Specialty), words(p.Name, p.Specialty, p.Bio), userID, practitionerID)
	return err
}

func lockPractitioner(ctx context.Context, tx *sqldb.Tx, practitionerID uuid.UUID) error {
	_, err := sqldb.One(ctx, tx, scanID, `SELECT practitioner_id FROM practitioner_search
		WHERE practitioner_id = $1`+tx.ForUpdate(), practitionerID)
	return notFound(err, ErrPractitionerNotFound)
}

func updatePractitioner(ctx context.Context, tx *sqldb.Tx, p Practitioner) error {
	_, err := tx.Exec(ctx, `UPDATE practitioners SET specialty = $1, bio = $2 WHERE id = $3`, p.Specialty, p.Bio, p.ID)
	return err
}

const fromPractitioners = `FROM practitioners p
	JOIN users u ON u.id = p.user_id
	JOIN practitioner_search s ON s.practitioner_id = p.id
	WHERE `

const selectPractitioner = `SELECT p.id, p.user_id, u.name, p.specialty, p.bio, p.created_at, s.version ` + fromPractitioners

func scanPractitioner(r sqldb.Row) (p Practitioner, err error) {
	err = r.Scan(&p.ID, &p.UserID, &p.Name, &p.Specialty, &p.Bio, (*sqldb.Instant)(&p.CreatedAt), &p.Version)
	return p, err
}

func practitionerByID(ctx context.Context, tx *sqldb.Tx, practitionerID uuid.UUID) (Practitioner, error) {
	p, err := sqldb.One(ctx, tx, scanPractitioner, selectPractitioner+`p.id = $1 AND s.listed`, practitionerID)
	return p, notFound(err, ErrPractitionerNotFound)
}

func practitionersIn(ctx context.Context, tx *sqldb.Tx, f PractitionerFilter, req page.Request) (p page.Of[Practitioner], err error) {
	after, err := position(req)
	if err != nil {
		return p, err
	}
	const matching = `s.listed AND (CAST($1 AS TEXT) = '' OR s.specialty = $1) AND s.words LIKE $2 ESCAPE '\'`
	args := []any{fold(f.Specialty), containing(fold(f.Query))}
	found, err := sqldb.All(ctx, tx, scanPractitioner, selectPractitioner+matching+` AND p.id > $3 ORDER BY p.id LIMIT $4`,
		append(args, after, req.Limit+1)...)
	if err != nil {
		return p, err
	}
	p = page.Cut(found, req, func(p Practitioner) string { return p.ID.String() })
	if req.Count {
		p.Total, err = count(ctx, tx, `SELECT COUNT(*) `+fromPractitioners+matching, args)
	}
	return p, err
}

func practitionersOf(ctx context.Context, tx *sqldb.Tx, folded string) ([]uuid.UUID, error) {
	return sqldb.All(ctx, tx, scanID, `SELECT practitioner_id FROM practitioner_search
		WHERE listed AND (CAST($1 AS TEXT) = '' OR specialty = $1) ORDER BY practitioner_id`, folded)
}

func insertPatient(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID) error {
	_, err := tx.Exec(ctx, `INSERT INTO patients (patient_id) VALUES ($1) ON CONFLICT DO NOTHING`, userID)
	return err
}

// blankPatient leaves nothing of a user but the id, and ends who cares for them.
func blankPatient(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) error {
	if err := lockUser(ctx, tx, patientID); err != nil {
		return err
	}
	now := sqldb.Instant(tx.Now())
	nobody := "erased-" + patientID.String() + "@erased.invalid" // no two users share an address
	if _, err := tx.Exec(ctx, `UPDATE users SET email = $2, name = 'Erased' WHERE id = $1`, patientID, nobody); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM patient_search WHERE patient_id = $1`, patientID); err != nil {
		return err
	}
	for _, statement := range []string{ // of who was a practitioner once
		`UPDATE practitioners SET specialty = '', bio = '' WHERE user_id = $1`,
		`UPDATE practitioner_search SET specialty = '', words = '', listed = FALSE, version = version + 1
			WHERE practitioner_id IN (SELECT id FROM practitioners WHERE user_id = $1)`,
	} {
		if _, err := tx.Exec(ctx, statement, patientID); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`UPDATE user_profiles SET phone = '', address = '', time_zone = 'UTC', date_of_birth = NULL, updated_at = $2, version = version + 1 WHERE user_id = $1`,
		`UPDATE care_relations SET ended_at = $2 WHERE patient_id = $1 AND ended_at IS NULL`,
		`UPDATE patients SET erased_at = $2 WHERE patient_id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, patientID, now); err != nil {
			return err
		}
	}
	return nil
}

func lockPatient(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) error {
	_, err := sqldb.One(ctx, tx, scanID, `SELECT patient_id FROM patients
		WHERE erased_at IS NULL AND patient_id = $1`+tx.ForNoKeyUpdate(), patientID)
	return notFound(err, ErrPatientNotFound)
}

func lockFormer(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) error {
	_, err := sqldb.One(ctx, tx, scanID, `SELECT patient_id FROM patients WHERE patient_id = $1`+tx.ForNoKeyUpdate(), patientID)
	return notFound(err, ErrPatientNotFound)
}

// insertRelation reports false when there is a relation already, even an ended one.
func insertRelation(ctx context.Context, tx *sqldb.Tx, patientID, practitionerID uuid.UUID, source string) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO care_relations (patient_id, practitioner_id, source, since)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, patientID, practitionerID, source, sqldb.Instant(tx.Now()))
	return n > 0, err
}

// reopenRelation begins an ended relation anew, and leaves one that goes on.
func reopenRelation(ctx context.Context, tx *sqldb.Tx, patientID, practitionerID uuid.UUID, source string) error {
	_, err := tx.Exec(ctx, `UPDATE care_relations SET source = $1, since = $2, ended_at = NULL
		WHERE patient_id = $3 AND practitioner_id = $4 AND ended_at IS NOT NULL`,
		source, sqldb.Instant(tx.Now()), patientID, practitionerID)
	return err
}

func scanID(r sqldb.Row) (u uuid.UUID, err error) {
	err = r.Scan(&u)
	return u, err
}

// position reads where a page begins: after the row with this id.
func position(req page.Request) (uuid.UUID, error) {
	if req.After == "" {
		return uuid.Nil, nil
	}
	after, ok := id.Parse(req.After)
	if !ok {
		return uuid.Nil, page.ErrCursor
	}
	return after, nil
}

func count(ctx context.Context, tx *sqldb.Tx, query string, args []any) (*int, error) {
	n, err := sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, query, args...)
	return &n, err
}

// notFound puts why in the place of "no row".
func notFound(err, why error) error {
	if errors.Is(err, sqldb.ErrNoRows) {
		return why
	}
	return err
}
