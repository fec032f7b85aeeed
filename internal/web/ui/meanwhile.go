package ui

import "context"

// Differing is something that is not as somebody filled it in.
type Differing struct{ Name, There, Typed string }

// orNothing is a text, or the word for none.
func orNothing(ctx context.Context, text string) string {
	if text == "" {
		return Say(ctx, "meanwhile.nothing")
	}
	return text
}
