package archive

import (
	"bufio"
	"io"
)

// beside writes to another writer in a goroutine of its own.
type beside struct {
	*io.PipeWriter

	done chan error
}

func newBeside(to io.Writer) beside {
	from, w := io.Pipe()
	b := beside{w, make(chan error, 1)}
	go func() {
		_, err := io.Copy(to, from)
		_ = from.CloseWithError(err)
		b.done <- err
	}()
	return b
}

// Close returns when all is written, or why it is not.
func (b beside) Close() error {
	_ = b.PipeWriter.Close()
	err := <-b.done
	b.done <- err // for whoever closes again
	return err
}

// readBeside returns what another reader reads in a goroutine of its own, which ends
// at the latest when that is closed.
func readBeside(from io.Reader) *io.PipeReader {
	r, to := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(to, 256<<10)
		_, err := io.Copy(w, from)
		if err == nil {
			err = w.Flush()
		}
		_ = to.CloseWithError(err) // nil: the end
	}()
	return r
}
