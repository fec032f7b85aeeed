package orders

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"medbook/internal/errs"
	"medbook/internal/notify"
)

// The longest lines of an address, in characters.
const (
	mostLine   = 200 // of a name, and of a street
	mostTown   = 100 // of a city, and of a region
	mostPostal = 20
)

// record is an address in plain text, as it is sealed. Only the rules below and
// sql.go see one.
type record struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"`
}

// checked returns r in the form in which it is kept. It returns ErrInvalidOrder
// with a word on each field that is against a rule.
func (r record) checked() (record, error) {
	c := checker{err: ErrInvalidOrder}
	r.Name = c.needed("shipping.name", r.Name, mostLine)
	r.Line1 = c.needed("shipping.line1", r.Line1, mostLine)
	r.Line2 = c.line("shipping.line2", r.Line2, mostLine)
	r.City = c.needed("shipping.city", r.City, mostTown)
	r.Region = c.line("shipping.region", r.Region, mostTown)
	r.PostalCode = c.needed("shipping.postal_code", r.PostalCode, mostPostal)
	c.rule("shipping.country", len(r.Country) == 2 && slices.Contains(countries, r.Country), "is not the code of a country")
	return r, c.result()
}

// checkKit returns ErrInvalidOrder for what is no type of kit.
func checkKit(k Kit) error {
	switch k {
	case WholeExome, WholeGenome, Targeted, Genotyping:
		return nil
	}
	return ErrInvalidOrder.Field("kit_type", "is not a type of kit")
}

// channelFor returns by which channel to tell of an order: the one that was asked
// for or, if none was, the one that goes with the kit. It returns ErrInvalidOrder
// for what is none.
func channelFor(k Kit, asked string) (string, error) {
	switch asked {
	case notify.ByEmail, notify.BySMS, notify.ByPush:
		return asked, nil
	case "":
	default:
		return "", ErrInvalidOrder.Field("notification_channel", "is not one of email, sms, push")
	}
	if k == WholeExome {
		return notify.BySMS, nil
	}
	return notify.ByEmail, nil
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

// needed is line, of what may not be empty.
func (c *checker) needed(field, s string, most int) string {
	s = c.line(field, s, most)
	c.rule(field, s != "", "is required")
	return s
}

func (c *checker) result() error {
	if len(c.err.Fields) == 0 {
		return nil
	}
	return c.err
}

// countries are the codes of ISO 3166-1 alpha-2.
var countries = strings.Fields("AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT " +
	"BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH " +
	"ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT " +
	"HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS " +
	"LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI " +
	"NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG " +
	"SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG " +
	"UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW")
