package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

const (
	checkpointEvery   = time.Minute // at the latest, if anything was recorded since the last
	checkpointRecords = 1000        // earlier when as many were recorded since

	origin     = "medbook audit trail" // the first line of every checkpoint
	signerName = "medbook"
)

// Checkpoint is the head of the tree at one time, in a signed note: whoever has
// it can tell whether the records before it are still what they were.
type Checkpoint struct {
	Size int64 // how many records it covers
	Root tlog.Hash
	At   time.Time // when it was signed, UTC, in whole seconds
}

// text is what is signed: the C2SP tlog-checkpoint form, with the time as an
// extension line.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\nat %s\n", origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]), c.At.UTC().Format(time.RFC3339))
}

var errCheckpoint = errors.New("this is no checkpoint of an audit trail")

func parseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[0] != origin || lines[4] != "" {
		return c, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, wrong := base64.StdEncoding.Strict().DecodeString(lines[2])
	at, notTime := time.Parse("at "+time.RFC3339, lines[3])
	if err != nil || wrong != nil || notTime != nil || len(root) != tlog.HashSize || size < 0 {
		return c, errCheckpoint
	}
	return Checkpoint{Size: size, Root: tlog.Hash(root), At: at}, nil
}

// Signer signs checkpoints with an Ed25519 key.
type Signer struct{ signer note.Signer }

// NewSigner makes a signer of 32 secret bytes.
func NewSigner(seed []byte) (*Signer, error) {
	private := ed25519.NewKeyFromSeed(seed)
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", signerName, keyHash(private), encodeKey(seed))
	s, err := note.NewSigner(skey)
	if err != nil {
		return nil, errors.New("audit: the signing key can't be used") // the error may quote it
	}
	return &Signer{s}, nil
}

// VerifierKey returns the public half of the signer made of seed, in the form
// that Verify's keys have.
func VerifierKey(seed []byte) (string, error) {
	return note.NewEd25519VerifierKey(signerName, publicKey(ed25519.NewKeyFromSeed(seed)))
}

func publicKey(private ed25519.PrivateKey) ed25519.PublicKey {
	public, _ := private.Public().(ed25519.PublicKey)
	return public
}

// encodeKey writes a key as package note does: its algorithm before it.
func encodeKey(key []byte) string {
	return base64.StdEncoding.EncodeToString(append([]byte{1}, key...))
}

// keyHash returns the number by which package note tells keys apart.
func keyHash(private ed25519.PrivateKey) uint32 {
	text, _ := note.NewEd25519VerifierKey(signerName, publicKey(private))
	v, err := note.NewVerifier(text)
	if err != nil {
		panic("audit: " + err.Error()) // it was just made
	}
	return v.KeyHash()
}

// Sign returns the note that says c.
func (s *Signer) Sign(c Checkpoint) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, s.signer)
	return string(signed), err
}

// checkpoint signs the head of the tree when it is time to, or, with now, when
// anything was recorded since the last. The note is on disk outside of the
// database before it is kept inside.
func (k *Keeper) checkpoint(ctx context.Context, now bool) (err error) {
	defer errs.Wrap(&err, "sign audit checkpoint")
	if k.Signer == nil {
		return nil
	}
	var head tree
	err = k.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		head, err = readTree(ctx, tx)
		return err
	})
	at := k.DB.Now().Truncate(time.Second)
	grown := head.size - k.last.Size
	due := now || grown >= checkpointRecords || at.Sub(k.last.At) >= checkpointEvery
	if err != nil || grown == 0 || !due {
		return err
	}
	// A head can be seen that a failover would lose. Our own commit, for which the
	// lock is, is not done before those that the head came from are safe.
	err = k.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		head, err = lockTree(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	c := Checkpoint{Size: head.size, Root: head.root(), At: at}
	signed, err := k.Signer.Sign(c)
	if err != nil {
		return err
	}
	if err := appendNote(k.File, signed); err != nil {
		return err
	}
	k.last = c
	if k.Webhook != nil {
		k.Webhook.note = signed
	}
	return k.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		return insertCheckpoint(ctx, tx, c, signed)
	})
}

// appendNote writes a note at the end of the file, with an empty line after it,
// and to the disk.
func appendNote(path, signed string) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(signed + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// readNotes returns the checkpoints of a file that appendNote wrote, and an error
// for the first that none of the keys signed.
func readNotes(text []byte, keys note.Verifiers) (all []Checkpoint, err error) {
	blocks := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n\n"))
	if len(blocks) == 1 && len(blocks[0]) == 0 {
		return nil, nil
	}
	for i := 0; i+1 < len(blocks); i += 2 {
		signed := append(append(bytes.Clone(blocks[i]), "\n\n"...), blocks[i+1]...)
		n, err := note.Open(append(signed, '\n'), keys)
		if err != nil {
			return all, fmt.Errorf("checkpoint %d is not signed with a key that was given", len(all)+1)
		}
		c, err := parseCheckpoint(n.Text)
		if err != nil {
			return all, err
		}
		all = append(all, c)
	}
	if len(blocks)%2 == 1 {
		return all, fmt.Errorf("checkpoint %d is not whole", len(all)+1)
	}
	return all, nil
}

// readKeys reads verifier keys, one a line.
func readKeys(text []byte) (note.Verifiers, error) {
	var list []note.Verifier
	for word := range strings.FieldsSeq(string(text)) {
		v, err := note.NewVerifier(word)
		if err != nil {
			return nil, errors.New("the keys can't be read: print them with medbook audit key")
		}
		list = append(list, v)
	}
	return note.VerifierList(list...), nil
}
