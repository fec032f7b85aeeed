package settings_test

import (
	"strings"
	"testing"

	"medbook/internal/settings"
)

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"sqlite:./data/a.db":    "sqlite:./data/a.db",
		"postgres://u@h:5432/x": "postgres://u@h:5432/x",
		"postgres://h1:5432,h2:5432/x?sslmode=require":            "postgres://h1:5432,h2:5432/x?sslmode=require",
		"postgres://h/x?sslkey=/etc/key&passfile=/etc/pass":       "postgres://h/x?sslkey=/etc/key&passfile=/etc/pass",
		"https://clinic.example/a?b=c":                            "https://clinic.example/a?b=c",
		"Clinic <hello@clinic.example>":                           "Clinic <hello@clinic.example>",
		"postgres://u:hunter2@h/x":                                "postgres://u:***@h/x",
		"POSTGRES://u:hunter2@h/x":                                "POSTGRES://u:***@h/x",
		"postgres://:hunter2@h/x":                                 "postgres://:***@h/x",
		"postgres://u:hunter2@h1:1,h2:2/x?sslmode=require":        "postgres://u:***@h1:1,h2:2/x?sslmode=require",
		"postgres://u:%68unter2@h/x":                              "postgres://u:***@h/x",
		"postgres://u:a/hunter2@h/x":                              "***",
		"postgres://u:1?hunter2@h/x":                              "***",
		"postgres://u:1#hunter2@h/x":                              "***",
		"postgres://u:a@hunter2@h/x":                              "***",
		"postgres://u:1/hunter2@h/x?sslmode=require":              "***",
		"postgres://h/x?user=u&password=hunter2":                  "postgres://h/x?user=u&password=***",
		"postgres://h/x?Password=hunter2&sslmode=require":         "postgres://h/x?Password=***&sslmode=require",
		"postgres://h/x?p%61ssword=hunter2":                       "postgres://h/x?p%61ssword=***",
		"postgres://h/x?sslpassword=hunter2":                      "postgres://h/x?sslpassword=***",
		"postgres://u:hunter2@h/x?password=hunter2":               "postgres://u:***@h/x?password=***",
		"postgres://h/x?password=hunter2%26a%40b":                 "postgres://h/x?password=***",
		"password=hunter2 host=h":                                 "***",
		"host=h password=hunter2":                                 "***",
		"host=h PASSWORD='hunter2'":                               "***",
		"https://hunter2@sms.example/x":                           "https://***@sms.example/x",
		"https://u:hunter2@sms.example/x":                         "https://*:***@sms.example/x",
		"https://sms.example/x?token=hunter2&to=1":                "https://sms.example/x?token=***&to=1",
		"https://sms.example/x?a=b&api_key=hunter2":               "https://sms.example/x?a=b&api_key=***",
		"https://sms.example/x?access_token=hunter2;y=1":          "https://sms.example/x?access_token=***",
		"https://sms.example/x?sig=hunter2#fragment":              "***",
		"otlp://hunter2:x@h ":                                     "***",
		"https://h/?%74oken=hunter2":                              "https://h/?%74oken=***",
		"https://h/?token=hunter2&%zz=hunter2":                    "https://h/?token=***&%zz=***",
		"https://h/?token=hunter2&nested=postgres://u:hunter2@h/": "***",
	} {
		got := settings.Mask(text)
		if got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
		if settings.HoldsSecret(text) != (want != text) {
			t.Errorf("%s: holds a secret: %t", text, !(want != text))
		}
		if sentence := settings.MaskWords("open " + text + ": no"); strings.Contains(sentence, "hunter2") && !strings.Contains(text, " ") {
			t.Errorf("the sentence %q tells a secret", sentence)
		}
	}
}
