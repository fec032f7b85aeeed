package directory

import (
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
)

// The longest texts that are kept, in characters; of an e-mail address in bytes.
const (
	mostEmail     = 254
	mostName      = 200
	mostClinic    = 100
	mostPhone     = 40
	mostAddress   = 500
	mostSpecialty = 100
	mostBio       = 4000
)

// record is a user in plain text, between the phi values and the tables. Only
// the rules below and sql.go see one.
type record struct {
	email, name, phone, address string
	dateOfBirth                 string
	role                        auth.Role
	timeZone                    string
	specialty, bio              string
}

// checked returns r in the form in which it is kept. It returns ErrInvalidUser
// with a word on each field that is against a rule.
func (r record) checked(now time.Time) (record, error) {
	c := checker{err: ErrInvalidUser}
	r.email = auth.FoldEmail(r.email)
	c.rule("email", validEmail(r.email), "is not an e-mail address")
	r.name = c.line("name", r.name, mostName)
	c.rule("name", r.name != "", "is required")
	r.phone = c.line("phone", r.phone, mostPhone)
	c.rule("phone", strings.Trim(r.phone, "0123456789+-() ./") == "", "may hold digits, spaces and + - ( ) . / only")
	r.address = c.text("address", r.address, mostAddress)
	r.specialty = c.line("specialty", r.specialty, mostSpecialty)
	r.bio = c.text("bio", r.bio, mostBio)
	_, known := auth.ParseRole(string(r.role))
	c.rule("role", known, "is not a role")
	c.rule("specialty", r.specialty == "" || r.role == auth.Practitioner, "is for practitioners only")
	c.rule("bio", r.bio == "" || r.role == auth.Practitioner, "is for practitioners only")
	if r.timeZone == "" {
		r.timeZone = "UTC"
	}
	zone, err := calendar.Zone(r.timeZone)
	if err != nil {
		c.rule("time_zone", false, "is not an IANA time zone")
		zone = time.UTC
	}
	c.rule("date_of_birth", validBirth(r.dateOfBirth, calendar.DateIn(now, zone).String()), "is not a date from 1900 until today")
	return r, c.result()
}

// checkedPractitioner returns both texts in the form in which they are kept, or
// ErrInvalidPractitioner.
func checkedPractitioner(specialty, bio string) (string, string, error) {
	c := checker{err: ErrInvalidPractitioner}
	specialty = c.line("specialty", specialty, mostSpecialty)
	bio = c.text("bio", bio, mostBio)
	return specialty, bio, c.result()
}

// validEmail accepts a bare address: no name, no comment, no angle brackets.
func validEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= mostEmail
}

// validBirth accepts no date, and dates from 1900 to today. Both are
// YYYY-MM-DD, which sorts as text.
func validBirth(s, today string) bool {
	if s == "" {
		return true
	}
	_, err := time.Parse(time.DateOnly, s)
	return err == nil && "1900-01-01" <= s && s <= today
}

// checker collects what is wrong with the fields of a request.
type checker struct{ err *errs.Error }

func (c *checker) rule(field string, holds bool, wrong string) {
	if !holds {
		c.err = c.err.Field(field, wrong)
	}
}

// line returns s without space around it; control characters are against the rules.
func (c *checker) line(field, s string, most int) string {
	s = strings.TrimSpace(s)
	c.rule(field, utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl), "may not hold control characters")
	c.rule(field, utf8.RuneCountInString(s) <= most, "is longer than "+strconv.Itoa(most)+" characters")
	return s
}

// text is like line, of several lines.
func (c *checker) text(field, s string, most int) string {
	c.line(field, strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(s), most)
	return strings.TrimSpace(s)
}

func (c *checker) result() error {
	if len(c.err.Fields) == 0 {
		return nil
	}
	return c.err
}

// fold returns s as the search compares it: without case, each character in one
// form, words with one space between them.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r // U+FFFD for what is not UTF-8
	}, s)
	s = norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
	return strings.Join(strings.Fields(s), " ")
}

// containing returns the LIKE pattern, with \ as its escape, of texts that hold s.
func containing(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
}
