package sqltest

import (
	"maps"
	"slices"
)

// OwnServers returns the names of the tests that need a server of their own.
func OwnServers() []string { return slices.Sorted(maps.Keys(ownServer)) }
