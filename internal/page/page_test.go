package page

import (
	"strconv"
	"testing"
)

func TestCutEndsWhereTheNextPageBegins(t *testing.T) {
	for _, tt := range []struct {
		n, limit, want int
		next           string
	}{{0, 2, 0, ""}, {2, 2, 2, ""}, {3, 2, 2, "1"}} {
		items := make([]int, tt.n)
		for i := range items {
			items[i] = i
		}
		p := Cut(items, Request{Limit: tt.limit}, strconv.Itoa)
		if len(p.Items) != tt.want || p.Next != tt.next {
			t.Errorf("Cut of %d at %d = %v, next %q, want %d items, next %q", tt.n, tt.limit, p.Items, p.Next, tt.want, tt.next)
		}
	}
}
