package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// examples are the bodies of a request that its type names itself, since one
// would not show its forms.
type examples interface{ examples() map[string]any }

// describeInput adds to an operation what huma does not say of its body: that
// null is the same as leaving a field out, and examples.
func (a *surface) describeInput(o *operation, in reflect.Type) {
	body := o.described.RequestBody
	if body == nil {
		return
	}
	media := body.Content[jsonContent]
	a.allowNull(media.Schema)
	field, _ := in.FieldByName("Body")
	t := field.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if several, ok := reflect.Zero(t).Interface().(examples); ok {
		media.Examples = map[string]*huma.Example{}
		for name, value := range several.examples() {
			media.Examples[name] = &huma.Example{Summary: name, Value: value}
		}
		return
	}
	media.Example = a.exampleOf(media.Schema)
}

// allowNull lets the optional fields of a request be null.
func (a *surface) allowNull(s *huma.Schema) {
	s = a.resolved(s)
	required := map[string]bool{}
	for _, name := range s.Required {
		required[name] = true
	}
	for name, property := range s.Properties {
		switch {
		case property.Ref != "":
			a.allowNull(property)
		case !required[name] && len(property.Enum) == 0:
			property.Nullable = true
		}
	}
}

// exampleOf puts an example together from those of the parts of a schema.
func (a *surface) exampleOf(s *huma.Schema) any {
	if len(s.Examples) == 0 {
		s = a.resolved(s)
	}
	if len(s.Examples) > 0 {
		return s.Examples[0]
	}
	switch s.Type {
	case huma.TypeObject:
		object := map[string]any{}
		for name, property := range s.Properties {
			if value := a.exampleOf(property); value != nil {
				object[name] = value
			}
		}
		return object
	case huma.TypeArray:
		if value := a.exampleOf(s.Items); value != nil {
			return []any{value}
		}
		return []any{}
	}
	return nil
}

func (a *surface) resolved(s *huma.Schema) *huma.Schema {
	for s.Ref != "" {
		s = a.api.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// describedAs returns the operation that a path has for a method.
func describedAs(p *huma.PathItem, method string) *huma.Operation {
	return map[string]*huma.Operation{
		http.MethodGet: p.Get, http.MethodPost: p.Post, http.MethodPut: p.Put,
		http.MethodPatch: p.Patch, http.MethodDelete: p.Delete,
	}[method]
}
