package web

import (
	"slices"
	"time"

	"medbook/internal/notify"
	"medbook/internal/web/words"
)

// chooseLanguage sets the language of pages, and of messages to who is signed in:
// POST /language.
func chooseLanguage(c *call) error {
	language := c.field("language")
	if !slices.ContainsFunc(words.Languages(), func(l words.Choice) bool { return l.Language == language }) {
		return errForm
	}
	c.keepLanguage(language)
	if !c.by.Anonymous() {
		if _, err := c.server.Notify.ChangePreferences(c.context(), c.by, "*", notify.PreferencesChange{Language: &language}); err != nil {
			return err
		}
	}
	return c.see(local(c.field("next"), "/"))
}

// keepLanguage remembers a language in the browser.
func (c *call) keepLanguage(language string) {
	c.remember(languageCookie, language, 365*24*time.Hour)
}
