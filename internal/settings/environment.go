package settings

import (
	"maps"
	"regexp"
	"slices"
)

// forTests are variables of the tests and their tools, which may be in the
// environment of a program that they, or their authors, start.
var forTests = regexp.MustCompile(`^MEDBOOK_(TEST_\w+|SOAK|SCREENSHOTS|PICTURES|KILLS|FUZZ_SEED|BENCH_RECORDS)$`)

// Kubernetes tells a pod of each service in its namespace by variables, which for
// one called medbook, or medbook-web, have names like ours.
var (
	serviceLink = regexp.MustCompile(`^MEDBOOK_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	servicePort = regexp.MustCompile(`^MEDBOOK_(\w+_)?PORT$`)
	portAddress = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// unknownVariables returns a sentence for each variable that looks as if it set
// something, and sets nothing.
func (s *Settings) unknownVariables() (problems []string) {
	known := s.variables()
	for _, name := range slices.Sorted(maps.Keys(s.environment)) {
		switch {
		case slices.Contains(known, name), forTests.MatchString(name), serviceLink.MatchString(name):
		case servicePort.MatchString(name) && portAddress.MatchString(s.environment[name]):
		case name == prefix+"PORT":
			problems = append(problems, "MEDBOOK_PORT is no setting; the port is part of MEDBOOK_LISTEN")
		default:
			problems = append(problems, name+" is no setting"+s.meant(name, false))
		}
	}
	return problems
}
