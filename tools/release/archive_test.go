package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAnArchiveHasAll opens the archive that Linux gets.
func TestAnArchiveHasAll(t *testing.T) {
	r := theRelease(t)
	top := "medbook_1.2.3_linux_" + here.arch
	names := tarNames(t, read(t, filepath.Join(r.out, top+".tar.gz")), r.time)
	if !slices.IsSorted(names) {
		t.Errorf("the names are not in order: %q", names)
	}
	for _, want := range []string{"-rwxr-xr-x medbook", "-rw-r--r-- CHANGELOG.md", "-rw-r--r-- LICENSE", "-rw-r--r-- README.md", "-rw-r--r-- " + noticesName, "-rw-r--r-- deploy/medbook.yaml", "-rw-r--r-- deploy/systemd/medbook.service", "-rw-r--r-- docs/design.md", "-rw-r--r-- docs/how-to/install.md", "-rw-r--r-- openapi.yaml"} {
		mode, name, _ := strings.Cut(want, " ")
		if !slices.Contains(names, top+"/"+name+" "+mode) {
			t.Errorf("the archive lacks %s; it has %q", want, names)
		}
	}
}

// tarNames lists a tar.gz as "name mode". Time and owner of each entry must be
// as they always are.
func tarNames(t *testing.T, packed []byte, when stamp) (names []string) {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if !compressed.ModTime.IsZero() || compressed.Name != "" {
		t.Errorf("the compression has a time or a name: %+v", compressed.Header)
	}
	for archive := tar.NewReader(compressed); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(when.Time) || h.Uid != 0 || h.Gid != 0 || h.Uname != "root" || h.Gname != "root" {
			t.Errorf("%s is of %s, %d %d %s %s", h.Name, h.ModTime, h.Uid, h.Gid, h.Uname, h.Gname)
		}
		names = append(names, h.Name+" "+h.FileInfo().Mode().String())
	}
}

// TestAZipIsAlwaysTheSame shows for Windows' form that neither the order nor the
// times of files matter.
func TestAZipIsAlwaysTheSame(t *testing.T) {
	folder, when := t.TempDir(), sample("").time
	files := []file{{"medbook.exe", filepath.Join(folder, "b"), true}, {"LICENSE", filepath.Join(folder, "a"), false}}
	var made [][]byte
	for i := range 2 {
		for _, name := range []string{"a", "b"} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(strings.Repeat(name, 5000)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(filepath.Join(folder, name), when.AddDate(i, 0, 0), when.AddDate(i, 0, 0)); err != nil {
				t.Fatal(err)
			}
		}
		slices.Reverse(files)
		to := filepath.Join(folder, "x.zip")
		if err := archive(to, "medbook", files, when); err != nil {
			t.Fatal(err)
		}
		made = append(made, read(t, to))
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("two archives of the same files differ")
	}
	opened, err := zip.NewReader(bytes.NewReader(made[0]), int64(len(made[0])))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name, text string
		mode       fs.FileMode
	}{{"medbook/LICENSE", "a", 0o644}, {"medbook/medbook.exe", "b", 0o755}} {
		f := opened.File[i]
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if f.Name != want.name || f.Mode() != want.mode || string(text) != strings.Repeat(want.text, 5000) || !f.Modified.Equal(when.Time) || err != nil {
			t.Errorf("%s: mode %v, time %s, error %v; want %s, mode %v", f.Name, f.Mode(), f.Modified, err, want.name, want.mode)
		}
	}
}
