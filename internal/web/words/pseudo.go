package words

import "strings"

// pseudos are the languages for tests. They change all that comes from the
// catalogue, so that what does not shows.
var pseudos = map[string]func(string) string{
	accented: func(s string) string { return "[" + accents.Replace(s) + strings.Repeat("·", len(s)/3) + "]" },
	mirrored: func(s string) string { return "⟦" + s + "⟧" },
}

var accents = strings.NewReplacer(
	"a", "á", "e", "é", "i", "í", "o", "ó", "u", "ú", "y", "ý", "c", "ç", "n", "ñ", "s", "š", "z", "ž",
	"A", "Á", "E", "É", "I", "Í", "O", "Ó", "U", "Ú", "Y", "Ý", "C", "Ç", "N", "Ñ", "S", "Š", "Z", "Ž",
)
