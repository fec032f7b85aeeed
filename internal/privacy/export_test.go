package privacy

import (
	"context"
	"time"

	"medbook/internal/audit"
)

// VerifyWithin verifies for so long at most.
func VerifyWithin(ctx context.Context, s *Service, limit time.Duration, checkpoints []byte) (audit.Report, error) {
	return s.verifyWithin(ctx, limit, checkpoints)
}

// Verifying has it that the trail is being verified until the end is called.
func Verifying(s *Service) (end func()) {
	s.verifying.Lock()
	return s.verifying.Unlock
}
