package main

import (
	"context"
	"os/exec"
	"path/filepath"
)

// bill writes the SBOM of a program, CycloneDX as JSON, from what the program
// says of itself. It has no serial number and no time of its own, for those
// would differ from one build to the next.
func (r release) bill(ctx context.Context, program, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile="+filepath.Join("tools", "release", "go.mod"), "cyclonedx-gomod",
		"bin", "-json", "-std", "-noserial", "-notimestamp", "-version", r.version, "-output", to, program)
	_, err = r.output(cmd)
	return err
}
