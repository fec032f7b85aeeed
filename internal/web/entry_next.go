package web

import "time"

// nextCookie remembers where a visitor was going who must first look into their
// mail, or show a second factor. It holds a path of ours and nothing else.
const nextCookie = "__Host-next"

// keepNext remembers where to go on to, for an hour.
func (c *call) keepNext(path string) {
	if path != "" {
		c.remember(nextCookie, path, time.Hour)
	}
}

// takeNext returns where the visitor was going, or otherwise, and forgets it.
func (c *call) takeNext(otherwise string) string {
	path := cookie(c.r, nextCookie)
	if path == "" {
		return otherwise
	}
	c.remember(nextCookie, "", -time.Second)
	return local(path, otherwise)
}
