//go:build race

package e2e

// detector makes the program look for races when the tests do.
var detector = []string{"-race"}
