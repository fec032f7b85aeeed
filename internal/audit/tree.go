package audit

import (
	"errors"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is what is needed of a Merkle tree (RFC 6962) to add leaves and to know
// its root: its size, and the roots of the full subtrees that it falls into, the
// largest first. The zero tree is empty.
type tree struct {
	size  int64
	peaks []tlog.Hash
}

// add appends a leaf.
func (t *tree) add(leaf tlog.Hash) {
	for full := t.size; full&1 == 1; full >>= 1 { // each full subtree on the right grows by its twin
		last := len(t.peaks) - 1
		leaf = tlog.NodeHash(t.peaks[last], leaf)
		t.peaks = t.peaks[:last]
	}
	t.peaks = append(t.peaks, leaf)
	t.size++
}

// root returns the tree's head.
func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		return emptyRoot
	}
	last := len(t.peaks) - 1
	root := t.peaks[last]
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(t.peaks[i], root)
	}
	return root
}

// emptyRoot is the head of a tree without leaves.
var emptyRoot, _ = tlog.TreeHash(0, nil)

var errTree = errors.New("audit: the tree's row is damaged")

// pack writes the peaks one after the other.
func (t *tree) pack() []byte {
	b := make([]byte, 0, len(t.peaks)*tlog.HashSize)
	for _, p := range t.peaks {
		b = append(b, p[:]...)
	}
	return b
}

// unpack reads what pack wrote for a tree of that size.
func unpack(size int64, b []byte) (t tree, err error) {
	if size < 0 || len(b) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return t, errTree
	}
	t.size = size
	for ; len(b) > 0; b = b[tlog.HashSize:] {
		t.peaks = append(t.peaks, tlog.Hash(b[:tlog.HashSize]))
	}
	return t, nil
}
