package settings

import (
	"net/url"
	"regexp"
	"strings"
)

var (
	// inAddress finds a password in an address, or in the words of a connection string.
	inAddress = regexp.MustCompile(`(?i)://[^\s/:@]*:[^\s@]+@|(^|\W)(ssl)?password=[^\s&]|https?://[^\s/@?#]+@`)
	// inQuery finds a secret among the parameters of an address.
	inQuery = regexp.MustCompile(`(?i)[?&](` + named + `)=[^\s&]`)
	isNamed = regexp.MustCompile(`(?i)^(` + named + `)$`)
	// address is one that is written as it should be, so that its parts are sure. An
	// @ that is not the one behind the password would make them doubtful.
	address = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)(?:([^\s:@/?#]*)(:[^\s@/?#]*)?@)?([^\s@/?#]*)(/[^\s@?#]*)?(?:\?([^\s@#]*))?$`)
	// escaped are letters written by their codes.
	escaped = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	// words may hold an address.
	words = regexp.MustCompile(`\S+`)
)

// named are parameters whose values are secrets.
const named = `\w*passw(or)?d|passphrase|\w*secret|\w*token|api_?key|key|sig|signature`

// HoldsSecret reports whether a text holds a password or a token, as part of an
// address or of a connection string, also if letters of it are written as %61.
func HoldsSecret(text string) bool {
	plain := escaped.ReplaceAllStringFunc(text, func(letter string) string {
		if plain, err := url.PathUnescape(letter); err == nil {
			return plain
		}
		return letter
	})
	for _, t := range []string{text, plain} {
		if inAddress.MatchString(t) || inQuery.MatchString(t) {
			return true
		}
	}
	return false
}

// Mask returns a value with *** where it holds a secret. What is not surely
// harmless is masked too; of an address that is written badly nothing is left.
func Mask(value string) string {
	if !HoldsSecret(value) {
		return value
	}
	parts := address.FindStringSubmatch(value)
	if parts == nil {
		return "***"
	}
	masked, user := parts[1], parts[2]
	if strings.HasPrefix(strings.ToLower(parts[1]), "http") {
		user = strings.Repeat("*", min(3, len(user))) // services take tokens there
	}
	if parts[3] != "" {
		user += ":***"
	}
	if user != "" {
		masked += user + "@"
	}
	masked += parts[4] + parts[5]
	if parts[6] == "" {
		return masked
	}
	fields := strings.Split(parts[6], "&")
	for i, field := range fields {
		name, _, _ := strings.Cut(field, "=")
		if plain, err := url.QueryUnescape(name); err != nil || isNamed.MatchString(plain) {
			fields[i] = name + "=***"
		}
	}
	return masked + "?" + strings.Join(fields, "&")
}

// MaskWords masks what is a secret in a sentence.
func MaskWords(sentence string) string { return words.ReplaceAllStringFunc(sentence, Mask) }
