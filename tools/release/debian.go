package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // the format
)

// debian writes the Debian package of the program in stage, which deploy/nfpm.yaml
// describes.
func (r release) debian(stage, out string, t target) error {
	settings := map[string]string{"VERSION": r.version, "ARCH": t.arch, "STAGE": stage}
	description, err := os.ReadFile(filepath.Join(r.root, "deploy", "nfpm.yaml"))
	if err != nil {
		return err
	}
	config, err := nfpm.ParseWithEnvMapping(bytes.NewReader(description), func(name string) string { return settings[name] })
	if err != nil {
		return err
	}
	info, err := config.Get("deb")
	if err != nil {
		return err
	}
	// What it names is named from the repository's root on.
	for _, c := range info.Contents {
		c.Source = r.within(c.Source)
	}
	for _, script := range []*string{&info.Scripts.PostInstall, &info.Scripts.PreRemove, &info.Scripts.PostRemove} {
		*script = r.within(*script)
	}
	info.MTime = r.time.Time
	packager, err := nfpm.Get("deb")
	if err != nil {
		return err
	}
	var buffer bytes.Buffer
	if err := packager.Package(nfpm.WithDefaults(info), &buffer); err != nil {
		return fmt.Errorf("the Debian package: %w", err)
	}
	return publish(filepath.Join(out, packager.ConventionalFileName(info)), buffer.Bytes())
}

// within returns a path of the repository as one that leads there from anywhere.
func (r release) within(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.root, path)
}
