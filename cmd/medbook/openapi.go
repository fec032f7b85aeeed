package main

import "medbook/internal/api"

// openAPI prints the description of the API that this program serves.
type openAPI struct {
	JSON bool `help:"Print JSON instead of YAML."`
}

// Run writes the document to stdout.
func (c openAPI) Run(o output) error {
	asJSON, asYAML := api.OpenAPI()
	document := asYAML
	if c.JSON {
		document = asJSON
	}
	_, err := o.stdout.Write(document)
	return err
}
