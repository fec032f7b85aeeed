package gate

import (
	"maps"
	"net/http"
	"time"
)

// streamPatience is how long a client may take for what was written so far.
const streamPatience = time.Minute

// Stream is an answer that is written piece by piece. Nothing of it is sent
// before the first write, so that what goes wrong until then can be told; what
// goes wrong after it must break the answer off (http.ErrAbortHandler), so that
// half of it does not look whole.
type Stream struct {
	To     http.ResponseWriter
	Header http.Header // joins To's when the answer begins

	sent bool
}

// Begun reports whether anything was sent.
func (s *Stream) Begun() bool { return s.sent }

// Begin sends the header, if that was not done yet. An answer without a piece
// begins so.
func (s *Stream) Begin() {
	if !s.sent {
		s.sent = true
		maps.Copy(s.To.Header(), s.Header)
		s.To.WriteHeader(http.StatusOK)
	}
}

// Write sends a piece. The time that the server gives for a whole answer counts
// anew for each.
func (s *Stream) Write(p []byte) (int, error) {
	s.Begin()
	clock := http.NewResponseController(s.To)
	now := time.Now()                                   //nolint:forbidigo // a connection's deadline goes by the machine's clock, whatever the database's says
	_ = clock.SetWriteDeadline(now.Add(streamPatience)) // what can't be given more time keeps what it has
	return s.To.Write(p)
}
