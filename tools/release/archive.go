package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// file is one that goes into an archive.
type file struct {
	name       string // in the archive, with slashes
	source     string // where it is now
	executable bool
}

func (f file) mode() fs.FileMode {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// contents lists what an archive for t has: the program, and what its operator
// reads. The pictures of the documents stay in the repository.
func (r release) contents(t target, program, notices string) (files []file, err error) {
	files = []file{{t.program(), program, true}, {noticesName, notices, false}}
	for _, name := range []string{"CHANGELOG.md", "LICENSE", "README.md", "deploy/medbook.yaml", "openapi.yaml"} {
		files = append(files, file{name, filepath.Join(r.root, name), false})
	}
	if t.os == "linux" {
		name := "deploy/systemd/medbook.service"
		files = append(files, file{name, filepath.Join(r.root, name), false})
	}
	docs := filepath.Join(r.root, "docs")
	err = filepath.WalkDir(docs, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) != ".md" {
			return err
		}
		below, err := filepath.Rel(r.root, p)
		files = append(files, file{filepath.ToSlash(below), p, false})
		return err
	})
	return files, err
}

// archive writes files into a tar.gz or zip, in a folder. The order, the times
// and the owners are always the same.
func archive(to, folder string, files []file, when stamp) error {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	write := writeTar
	if filepath.Ext(to) == ".zip" {
		write = writeZip
	}
	var buffer bytes.Buffer
	if err := write(&buffer, folder, files, when); err != nil {
		return err
	}
	return publish(to, buffer.Bytes())
}

func writeTar(w io.Writer, folder string, files []file, when stamp) error {
	compressed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	for _, f := range files {
		text, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{
			Name: path.Join(folder, f.name), Size: int64(len(text)), Mode: int64(f.mode()),
			Uname: "root", Gname: "root", ModTime: when.Time, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR,
		}); err != nil {
			return err
		}
		if _, err := archive.Write(text); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func writeZip(w io.Writer, folder string, files []file, when stamp) error {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, f := range files {
		text, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: path.Join(folder, f.name), Method: zip.Deflate, Modified: when.Time}
		header.SetMode(f.mode())
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(text); err != nil {
			return err
		}
	}
	return archive.Close()
}

// publish writes a file that everybody may read.
func publish(name string, text []byte) error {
	return os.WriteFile(name, text, 0o644) //nolint:gosec // it is to be handed out
}

// sumsName is the file of checksums, as sha256sum -c reads it.
const sumsName = "SHA256SUMS"

// writeSums adds the checksums of all that is in a folder.
func writeSums(folder string) error {
	entries, err := os.ReadDir(folder) // sorted by name
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), e.Name())
	}
	return publish(filepath.Join(folder, sumsName), []byte(sums.String()))
}
