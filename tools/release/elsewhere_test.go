package main

import (
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestItIsWrittenForOtherSystemsToo checks the types of the whole program, with
// all that it imports, for systems that the build machine is not. A release builds
// them; nobody runs the tests there.
func TestItIsWrittenForOtherSystemsToo(t *testing.T) {
	for _, target := range []target{{"windows", "amd64"}, {"darwin", "arm64"}} {
		config := &packages.Config{
			Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedTypesSizes | packages.NeedModule,
			Dir:  repository, Env: target.environment(), Context: t.Context(),
		}
		all, err := packages.Load(config, "./cmd/medbook")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		packages.Visit(all, nil, func(p *packages.Package) {
			n++
			for _, err := range p.Errors {
				t.Errorf("%s: %v", target, err)
			}
		})
		if n < 300 {
			t.Errorf("%s: looked at %d packages; there are more", target, n)
		}
	}
}
