package api

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/orders"
	"medbook/internal/page"
	"medbook/internal/phi"
)

type createUserInput struct {
	Body newUserBody
}

type newUserBody struct {
	Email       string `json:"email" format:"email" maxLength:"254" example:"ann@example.org" doc:"Unique among users. It is kept in lower case."`
	Name        string `json:"name" minLength:"1" maxLength:"200" example:"Ann Example"`
	Role        string `json:"role" enum:"patient,practitioner,admin,auditor" example:"patient"`
	Phone       string `json:"phone,omitempty" maxLength:"40" example:"+1 212 555 0100"`
	Address     string `json:"address,omitempty" maxLength:"500" example:"1 Main Street, New York"`
	TimeZone    string `json:"time_zone,omitempty" maxLength:"64" example:"America/New_York" doc:"An IANA name; UTC if left out. A practitioner's slots are computed in theirs."`
	DateOfBirth string `json:"date_of_birth,omitempty" format:"date" example:"1984-02-29"`
	Specialty   string `json:"specialty,omitempty" maxLength:"100" doc:"Of practitioners only; public."`
	Bio         string `json:"bio,omitempty" maxLength:"4000" doc:"Of practitioners only; public."`
}

// createUser makes a user: POST /v1/users.
func (s *Server) createUser(ctx context.Context, by auth.Actor, in *createUserInput) (directory.User, error) {
	b := in.Body
	return s.Directory.CreateUser(ctx, by, directory.NewUser{
		Email: phi.Of(b.Email), Name: phi.Of(b.Name), Phone: phi.Of(b.Phone), Address: phi.Of(b.Address),
		DateOfBirth: given(b.DateOfBirth), Role: auth.Role(b.Role), TimeZone: b.TimeZone,
		Specialty: b.Specialty, Bio: b.Bio,
	})
}

// given returns no value for an empty text.
func given(s string) phi.Value[string] {
	if s == "" {
		return phi.Value[string]{}
	}
	return phi.Of(s)
}

type listUsersInput struct {
	Paging
	Role string `query:"role" enum:"patient,practitioner,admin,auditor" doc:"Only users with this role."`
}

// listUsers lists users: GET /v1/users.
func (s *Server) listUsers(ctx context.Context, by auth.Actor, in *listUsersInput) (p page.Of[person], err error) {
	users, err := s.Directory.Users(ctx, by, directory.UserFilter{Role: in.Role}, in.request)
	if err != nil {
		return p, err
	}
	ids := make([]uuid.UUID, len(users.Items))
	for i, u := range users.Items {
		ids[i] = u.ID
	}
	of, err := s.Orders.OfUsers(ctx, by, ids)
	if err != nil {
		return p, err
	}
	p.Next, p.Total = users.Next, users.Total
	for _, u := range users.Items {
		p.Items = append(p.Items, person{u, of[u.ID]})
	}
	return p, nil
}

// person is a user with what was ordered for them.
type person struct {
	directory.User
	orders []orders.Order // the newest first
}

// readUser reads a user: GET /v1/users/{id}.
func (s *Server) readUser(ctx context.Context, by auth.Actor, in *ByID) (person, error) {
	u, err := s.Directory.User(ctx, by, in.ID)
	if err != nil {
		return person{}, err
	}
	of, err := s.Orders.OfUsers(ctx, by, []uuid.UUID{u.ID})
	return person{u, of[u.ID]}, err
}

// readMe reads the caller: GET /v1/me.
func (s *Server) readMe(ctx context.Context, by auth.Actor, _ *empty) (directory.User, error) {
	return s.Directory.User(ctx, by, by.UserID.String())
}

type changeUserInput struct {
	ByID
	Versioned
	Body userChangeBody
}

type userChangeBody struct {
	Name        *string           `json:"name,omitempty" minLength:"1" maxLength:"200" example:"Ann Example"`
	Phone       Clearable[string] `json:"phone,omitempty" maxLength:"40" example:"+1 212 555 0100" doc:"null removes it."`
	Address     Clearable[string] `json:"address,omitempty" maxLength:"500" doc:"null removes it."`
	DateOfBirth Clearable[string] `json:"date_of_birth,omitempty" format:"date" doc:"null removes it."`
	TimeZone    *string           `json:"time_zone,omitempty" maxLength:"64" doc:"An IANA name. It is the user's own; a practitioner's schedule has another."`
	Role        *string           `json:"role,omitempty" enum:"patient,practitioner,admin,auditor" doc:"By admins only."`
}

// changeUser changes a user: PATCH /v1/users/{id}.
func (s *Server) changeUser(ctx context.Context, by auth.Actor, in *changeUserInput) (person, error) {
	b := in.Body
	c := directory.UserChange{
		Phone: cleared(b.Phone), Address: cleared(b.Address), DateOfBirth: cleared(b.DateOfBirth),
		TimeZone: b.TimeZone, Role: (*auth.Role)(b.Role),
	}
	if b.Name != nil {
		name := phi.Of(*b.Name)
		c.Name = &name
	}
	// The orders are read first: once the user is changed, nothing is to fail any more.
	which, _ := id.Parse(in.ID)
	of, err := s.Orders.OfUsers(ctx, by, []uuid.UUID{which})
	if err != nil {
		return person{}, err
	}
	u, err := s.Directory.ChangeUser(ctx, by, in.ID, in.IfMatch, c)
	return person{u, of[u.ID]}, err
}

func cleared(c Clearable[string]) *phi.Value[string] {
	if !c.Given {
		return nil
	}
	v := given(c.Value)
	return &v
}

// Profile is what a user sees of themself.
type Profile struct {
	ID             string  `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	Email          string  `json:"email" example:"ann@example.org"`
	Name           string  `json:"name" example:"Ann Example"`
	Role           string  `json:"role" enum:"patient,practitioner,admin,auditor" example:"patient"`
	Phone          string  `json:"phone,omitempty" example:"+1 212 555 0100"`
	Address        string  `json:"address,omitempty" example:"1 Main Street, New York"`
	TimeZone       string  `json:"time_zone" example:"America/New_York"`
	DateOfBirth    string  `json:"date_of_birth,omitempty" format:"date" example:"1984-02-29"`
	PractitionerID string  `json:"practitioner_id,omitempty" doc:"Of practitioners: what their calendar goes by."`
	CreatedAt      Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
	UpdatedAt      Instant `json:"updated_at" example:"2027-08-01T09:30:00Z"`
}

type userBody struct {
	Profile
	Orders []userOrderBody `json:"orders" doc:"What was ordered for the user, the newest first, without where it goes."`
}

func profileOf(u directory.User) Profile {
	p := Profile{
		ID: u.ID.String(), Email: u.Email.Reveal(), Name: u.Name.Reveal(), Role: string(u.Role),
		Phone: u.Phone.Reveal(), Address: u.Address.Reveal(), TimeZone: u.TimeZone, DateOfBirth: u.DateOfBirth.Reveal(),
		CreatedAt: Instant{u.CreatedAt}, UpdatedAt: Instant{u.UpdatedAt},
	}
	if u.PractitionerID != uuid.Nil {
		p.PractitionerID = u.PractitionerID.String()
	}
	return p
}

func userOf(p person) userBody {
	return userBody{Profile: profileOf(p.User), Orders: each(p.orders, userOrderOf)}
}

func presentUser(p person) answer[userBody] {
	return answer[userBody]{ETag: p.ETag(), Body: userOf(p)}
}

func presentNewUser(u directory.User) answer[userBody] {
	a := presentUser(person{User: u})
	a.Location = "/v1/users/" + a.Body.ID
	return a
}

type meBody struct{ Profile }

func presentMe(u directory.User) answer[meBody] {
	return answer[meBody]{ETag: u.ETag(), Body: meBody{profileOf(u)}}
}
