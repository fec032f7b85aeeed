package settings

import "strings"

// meant returns "; did you mean NAME?" with the key, or else the variable, that
// somebody seems to have meant by name, and "" if none is near.
func (s *Settings) meant(name string, key bool) string {
	name = dashed(strings.ReplaceAll(strings.ToUpper(name), "-", "_"))
	best, nearest := "", 1+max(1, len(name)/4) // letters
	try := func(known, what string) {
		if d := distance(name, known); d < nearest {
			best, nearest = "; did you mean "+what+"?", d
		}
	}
	for _, one := range s.all {
		what, secret := one.Variable, one.Secret
		if key {
			what, secret = one.Name, one.Name
		}
		try(one.Name, what)
		try(dashed(one.Variable), what)
		if one.Secret != "" {
			try(dashed(one.Secret), secret)
		}
	}
	return best
}

// distance counts the letters that have to be put in, left out, replaced, or
// exchanged with their neighbour to make b of a.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(last[j+1]+1, next[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, last = last, next
	}
	return last[len(b)]
}
