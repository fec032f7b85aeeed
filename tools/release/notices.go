package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// noticesName is the file with the licences of what is within the program.
const noticesName = "THIRD-PARTY-NOTICES"

// legal matches the names of files by which people say what others may do.
var legal = regexp.MustCompile(`(?i)^(.+\.)?(licen[cs]e|copying|notice|patents|unlicense)([-.].*)?$`)

// embedded begins the names of works that are files of this repository.
const embedded = "Embedded in Medbook: "

// work is something of others that is in the program.
type work struct {
	name  string   // "github.com/jackc/pgx/v5 v5.12.0"
	files []string // that say what others may do, sorted
}

// notices returns the text that a program for t goes with.
func (r release) notices(ctx context.Context, t target) (string, error) {
	works, err := r.works(ctx, t)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Medbook %s for %s contains the work of others. Their names and licences follow.\n", r.version, t)
	for _, w := range works {
		fmt.Fprintf(&text, "\n%s\n%s\n", strings.Repeat("=", 80), w.name)
		for _, file := range w.files {
			said, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			lines := strings.ReplaceAll(strings.TrimSpace(string(said)), "\r\n", "\n")
			fmt.Fprintf(&text, "\n%s\n%s\n\n%s\n", strings.Repeat("-", 80), filepath.Base(file), lines)
		}
	}
	return text.String(), nil
}

// linked is a package of the program, as go list tells.
type linked struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Path, Version string }
	}
}

// works lists Go itself, the modules whose packages are linked, and what is
// embedded from the browser's world, each with what it says. One that says
// nothing is an error: it may not be handed out.
func (r release) works(ctx context.Context, t target) ([]work, error) {
	packages, err := r.packages(ctx, t)
	if err != nil {
		return nil, err
	}
	root, err := r.goTool(ctx, t, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	add := func(name, folder, top string) error {
		files, err := said(folder, top)
		found[name] = append(found[name], files...)
		return err
	}
	for _, p := range packages {
		switch {
		case p.Standard:
			err = add("Go's standard library", strings.TrimSpace(string(root)), strings.TrimSpace(string(root)))
		case p.Module.Replace != nil:
			err = fmt.Errorf("%s is replaced by %s", p.Module.Path, p.Module.Replace.Path)
		case p.Module.Main:
			for _, folder := range []string{p.Dir, filepath.Join(p.Dir, "assets")} {
				err = errors.Join(err, add(embedded+r.below(folder), folder, folder))
			}
		default:
			err = add(p.Module.Path+" "+p.Module.Version, p.Dir, p.Module.Dir)
		}
		if err != nil {
			return nil, err
		}
	}
	var works []work
	for name, files := range found {
		slices.Sort(files)
		if files = slices.Compact(files); len(files) > 0 {
			works = append(works, work{name, files})
		} else if !strings.HasPrefix(name, embedded) {
			return nil, fmt.Errorf("%s does not say what others may do with it", name)
		}
	}
	slices.SortFunc(works, func(a, b work) int { return cmp.Compare(a.name, b.name) })
	return works, nil
}

// packages lists what is linked into the program for t.
func (r release) packages(ctx context.Context, t target) (all []linked, err error) {
	out, err := r.goTool(ctx, t, "list", "-deps", "-json=Dir,Standard,Module", "./cmd/medbook")
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p linked
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

// said lists the legal files of a folder and of those above it, up to top.
func said(folder, top string) (files []string, err error) {
	for {
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if e.Type().IsRegular() && legal.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
				files = append(files, filepath.Join(folder, e.Name()))
			}
		}
		if folder == top || len(folder) <= len(top) {
			return files, nil
		}
		folder = filepath.Dir(folder)
	}
}

// below returns a folder of the repository as it is called there.
func (r release) below(folder string) string {
	name, err := filepath.Rel(r.root, folder)
	if err != nil {
		return folder
	}
	return filepath.ToSlash(name)
}
