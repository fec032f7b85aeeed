package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// bill writes the SBOM of a program, CycloneDX as JSON, from what the program
// says that it was built of: each module with its checksum, and Go's standard
// library. It has no serial number and no time of its own, for those would differ
// from one build to the next.
func (r release) bill(program, to string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	main := component(info.Main.Path, r.version, "")
	main.Type = cyclonedx.ComponentTypeApplication
	parts := []cyclonedx.Component{component("std", info.GoVersion, "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			return fmt.Errorf("%s is replaced by %s", m.Path, m.Replace.Path)
		}
		parts = append(parts, component(m.Path, m.Version, m.Sum))
	}
	var needed []string
	for _, p := range parts {
		needed = append(needed, p.BOMRef)
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &main, Properties: settings(info)}
	bom.Components = &parts
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: &needed}}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	if err := cyclonedx.NewBOMEncoder(f, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// component describes a module. Sum is as in go.sum, "h1:" and a SHA-256 of its
// files in base64; empty: not known.
func component(path, version, sum string) cyclonedx.Component {
	purl := "pkg:golang/" + path + "@" + cmp.Or(strings.TrimPrefix(version, "go"), "unknown")
	c := cyclonedx.Component{
		Type: cyclonedx.ComponentTypeLibrary, BOMRef: purl, PackageURL: purl,
		Name: path, Version: version, Scope: cyclonedx.ScopeRequired,
	}
	if digest, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && sum != "" {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(digest)}}
	}
	return c
}

// settings are how the program was built.
func settings(info *debug.BuildInfo) *[]cyclonedx.Property {
	all := []cyclonedx.Property{{Name: "medbook:go", Value: info.GoVersion}}
	for _, s := range info.Settings {
		all = append(all, cyclonedx.Property{Name: "medbook:build:" + s.Key, Value: s.Value})
	}
	return &all
}
