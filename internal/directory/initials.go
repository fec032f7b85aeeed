package directory

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// initialsBatch is how many patients one statement asks for; no page shows as many.
const initialsBatch = 500

// InitialsOf returns by what lists call patients before a record is opened: to
// practitioners of those in their care and those who have or had an appointment with
// them, to admins of all. Others are not in the answer, nor who is erased. It is on
// record as a list of the patients who are.
//
// It returns auth.ErrForbidden.
func (s *Service) InitialsOf(ctx context.Context, by auth.Actor, ids []uuid.UUID) (found map[uuid.UUID]string, err error) {
	defer errs.Wrap(&err, "list initials")
	in := by.Intends("patient.list", "patient", "")
	if !by.Is(auth.Practitioner, auth.Admin) {
		return nil, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	if len(ids) == 0 {
		return map[uuid.UUID]string{}, nil
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (map[uuid.UUID]string, error) {
		found := map[uuid.UUID]string{}
		for batch := range slices.Chunk(ids, initialsBatch) {
			shown, err := initialsIn(ctx, tx, by, batch)
			if err != nil {
				return nil, err
			}
			for _, p := range shown {
				if _, again := found[p.patient]; !again {
					seen.Row(p.patient)
				}
				found[p.patient] = p.initials
			}
		}
		if len(found) == 0 {
			seen.Row()
		}
		return found, nil
	})
}

// initials returns the first letters of the first and the last word of a name, in
// whatever script: "A. L." of "Ann Marie Lee", "李." of a name without spaces, "?" of
// one without letters.
func initials(name string) string {
	var letters []string
	for word := range strings.FieldsSeq(norm.NFC.String(name)) {
		if l := firstLetter(word); l != "" {
			letters = append(letters, l+".")
		}
	}
	switch len(letters) {
	case 0:
		return "?"
	case 1:
		return letters[0]
	}
	return letters[0] + " " + letters[len(letters)-1]
}

// firstLetter returns the first letter of a word, with the marks that belong to it,
// as it begins a name; "" if there is none.
func firstLetter(word string) string {
	var letter []rune
	for _, r := range word {
		switch {
		case letter == nil && unicode.IsLetter(r):
			letter = []rune{unicode.ToTitle(r)}
		case letter != nil && unicode.IsMark(r):
			letter = append(letter, r)
		case letter != nil:
			return string(letter)
		}
	}
	return string(letter)
}
