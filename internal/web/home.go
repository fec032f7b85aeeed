package web

// home is the first page: what there is for strangers, and for others where their
// work is: GET /.
func (s *Server) home(c *call) error {
	if !c.by.Anonymous() {
		return c.see(arrival(c.by.Role))
	}
	return c.show(page{title: s.clinic(c.context())}, homeContent(s.clinic(c.context())))
}
