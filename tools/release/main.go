// Command release builds what is handed out of a version: for each system an
// archive with the program, its manual and the notices of those whose work is in
// it; Debian packages; an SBOM of each program; the changes; and the checksums of
// all that. The same commit built by the same Go gives the same bytes, on any
// machine and in any folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("release: ")
	version := flag.String("version", "", "what to call it, such as v1.2.3; it has a section in CHANGELOG.md (default: the newest that has)")
	root := flag.String("root", ".", "the repository")
	out := flag.String("out", "dist", "folder for what is built; what was in it goes")
	only := flag.String("targets", "", "such as linux/amd64,windows/arm64 (default: all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *version, *out, *only); err != nil {
		stop()
		log.Fatal(err) //nolint:gocritic // stop was called
	}
}

// run builds a release of the commit that is checked out at root.
func run(ctx context.Context, root, version, out, only string) error {
	targets, err := parseTargets(only)
	if err != nil {
		return err
	}
	r, err := prepare(ctx, root, version)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	return r.build(ctx, out, targets)
}

// release is what is built, and of what.
type release struct {
	root    string // the repository
	version string // "v1.2.3"
	commit  string // 40 hexadecimal digits
	time    stamp  // when it was committed; every file bears it
	changes string // its section of CHANGELOG.md
}

// prepare looks at the repository. A tree with changes that are not committed is
// refused: nobody could build the same again.
func prepare(ctx context.Context, root, version string) (r release, err error) {
	if r.root, err = filepath.Abs(root); err != nil {
		return r, err
	}
	if r.version, r.changes, err = changesOf(r.root, version); err != nil {
		return r, err
	}
	dirty, err := r.git(ctx, "status", "--porcelain")
	if err != nil {
		return r, err
	}
	if dirty != "" {
		return r, errors.New("there are changes that are not committed:\n" + dirty)
	}
	if r.commit, err = r.git(ctx, "rev-parse", "HEAD"); err != nil {
		return r, err
	}
	seconds, err := r.git(ctx, "show", "--no-patch", "--format=%ct", "HEAD")
	if err != nil {
		return r, err
	}
	r.time, err = parseStamp(seconds)
	return r, err
}

// build fills the folder out.
func (r release) build(ctx context.Context, out string, targets []target) error {
	stage, err := os.MkdirTemp("", "medbook-release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // it is to be handed out
		return err
	}
	log.Printf("%s, commit %s of %s", r.version, r.commit, r.time.rfc3339())
	for _, t := range targets {
		if err := r.buildTarget(ctx, filepath.Join(stage, t.os+"_"+t.arch), out, t); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	if err := publish(filepath.Join(out, r.name()+"_changes.md"), []byte(r.changes)); err != nil {
		return err
	}
	return writeSums(out)
}

// buildTarget puts into out what one system gets. Stage is a folder of its own.
func (r release) buildTarget(ctx context.Context, stage, out string, t target) error {
	log.Printf("%s: the program", t)
	program := filepath.Join(stage, t.program())
	if err := r.compile(ctx, program, t); err != nil {
		return err
	}
	return r.pack(ctx, program, out, t)
}

// pack puts a program and what goes with it into out, in the forms that t has.
func (r release) pack(ctx context.Context, program, out string, t target) error {
	log.Printf("%s: notices, SBOM, packages", t)
	stage := filepath.Dir(program)
	text, err := r.notices(ctx, t)
	if err != nil {
		return err
	}
	notices := filepath.Join(stage, noticesName)
	if err := publish(notices, []byte(text)); err != nil {
		return err
	}
	name := fmt.Sprintf("%s_%s_%s", r.name(), t.os, t.arch)
	if err := r.bill(program, filepath.Join(out, name+".cdx.json")); err != nil {
		return err
	}
	files, err := r.contents(t, program, notices)
	if err != nil {
		return err
	}
	if err := archive(filepath.Join(out, name+t.suffix()), name, files, r.time); err != nil {
		return err
	}
	if t.os != "linux" {
		return nil
	}
	return r.debian(stage, out, t)
}

// name begins the names of what is built: "medbook_1.2.3".
func (r release) name() string { return "medbook_" + strings.TrimPrefix(r.version, "v") }
