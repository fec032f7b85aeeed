package web

// statement is a page of text: parts, each with its paragraphs.
type statement struct {
	title, lead string
	parts       []statementPart
	stored      []storedView // what is kept; empty: the statement is not about that
}

type statementPart struct {
	title string
	texts []string
}

// storedView is a line of what is kept of people: what, for how long, who sees it.
type storedView struct{ what, long, who string }

// privacyPage says what is kept of whom: GET /privacy.
func (s *Server) privacyPage(c *call) error {
	st := c.statement("privacy", "your-rights", "looks", "cookies", "outside", "contact")
	for _, what := range []string{"account", "appointments", "clinical", "messages", "sessions", "orders", "trail"} {
		line := storedView{c.say("privacy." + what), c.say("privacy." + what + "-long"), c.say("privacy." + what + "-who")}
		st.stored = append(st.stored, line)
	}
	if days := s.Privacy.RetainRecords; days > 0 {
		st.parts[0].texts = append(st.parts[0].texts, c.say("privacy.retention", "Days", c.words.Number(days)))
	}
	return c.show(page{title: st.title}, statementContent(st))
}

// accessibilityPage says what is done so that everybody can use the pages: GET
// /accessibility.
func (s *Server) accessibilityPage(c *call) error {
	return c.show(page{title: c.say("accessibility.title")}, statementContent(c.statement("accessibility", "done", "tested", "gaps", "complain")))
}

// statement puts the texts of a statement together.
func (c *call) statement(which string, parts ...string) statement {
	st := statement{title: c.say(which + ".title"), lead: c.say(which+".lead", "Clinic", c.server.clinic(c.context()))}
	for _, part := range parts {
		st.parts = append(st.parts, statementPart{c.say(which + "." + part), []string{c.say(which + "." + part + "-text")}})
	}
	return st
}
