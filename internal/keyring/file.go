package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Open reads the file at path. It refuses one that others than its owner can
// read, with a sentence for whoever runs the program.
func Open(path string) (*Ring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the keys in %s can be read by others: chmod 600 it", path)
	}
	text := make([]byte, min(info.Size(), 1<<20))
	if _, err := f.ReadAt(text, 0); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	r, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// OpenOrCreate is Open, after making a file of new keys if there is none. Of
// several programs that do so at once all get the same keys.
func OpenOrCreate(path string) (*Ring, error) {
	r, err := Open(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	if r, err = New(); err != nil {
		return nil, err
	}
	written, err := r.writeBeside(path)
	if err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	defer func() { _ = os.Remove(written) }()
	// A link, unlike a rename, does not take the place of what is there.
	if err := os.Link(written, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	return Open(path)
}

// Save puts the ring in the place of the file at path, in one step.
func (r *Ring) Save(path string) error {
	written, err := r.writeBeside(path)
	if err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	if err := os.Rename(written, path); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return nil
}

// writeBeside writes the ring to a new file in path's folder, and to the disk.
func (r *Ring) writeBeside(path string) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // with mode 0600
	if err != nil {
		return "", err
	}
	err = errors.Join(r.Write(f), f.Sync())
	return f.Name(), errors.Join(err, f.Close())
}
