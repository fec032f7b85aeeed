// Package assets has the files that pages load: style, scripts, pictures. Each is
// served under a name that changes with its content, so that a browser keeps it
// for ever, and compressed where the browser takes that.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed *.css *.js *.svg
var files embed.FS

// file is one of them, ready to be sent.
type file struct {
	name, hash, kind string
	plain, packed    []byte
}

var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// all files by name.
var all = func() map[string]file {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err)
	}
	m := map[string]file{}
	for _, e := range entries {
		content, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		m[e.Name()] = file{name: e.Name(), hash: hex.EncodeToString(sum[:6]), kind: kinds[path.Ext(e.Name())], plain: content, packed: pack(content)}
	}
	return m
}()

func pack(content []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err)
	}
	_, err = z.Write(content)
	if err != nil || z.Close() != nil {
		panic("assets: a buffer did not take what was written")
	}
	return b.Bytes()
}

// Path returns where a file is served. A name that is none is a mistake in the
// program, and panics.
func Path(name string) string {
	f, ok := all[name]
	if !ok {
		panic("assets: there is no " + name)
	}
	return "/assets/" + f.hash + "/" + f.name
}

// Serve answers GET /assets/{hash}/{name}, and reports whether there is such a
// file. An older hash gets the present file, for a short while.
func Serve(w http.ResponseWriter, r *http.Request) bool {
	f, ok := all[r.PathValue("name")]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "public, max-age=60")
	if r.PathValue("hash") == f.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = f.packed
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(content)
	}
	return true
}
