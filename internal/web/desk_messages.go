package web

import (
	"net/url"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/notify"
	"medbook/internal/web/ui"
)

var messageTags = map[notify.Status]string{notify.Pending: "warn", notify.Sent: "good", notify.Failed: "bad"}

// messageLine is what is known of a message beside what it says.
type messageLine struct {
	id, what, who, userPath, channel, instead, attempts, wrong, at string
	status                                                         tag
	failed, legible                                                bool
}

// messageLogView is the log of messages.
type messageLogView struct {
	filters  ui.Form
	statuses []ui.Option
	channels []ui.Option
	lines    []messageLine
	pager    pager
	whose    string
	narrowed bool
	unsent   bool // nothing leaves the program
	here     string
}

// messageLogPage lists what people were told of: GET /admin/messages.
func (s *Server) messageLogPage(c *call) error { return s.showMessageLog(c, ui.Form{}) }

func (s *Server) showMessageLog(c *call, refused ui.Form) error {
	f := notify.Filter{User: c.query("user"), Status: notify.Status(c.query("status")), Channel: c.query("channel")}
	p, err := s.Notify.Notifications(c.context(), c.by, f, c.part())
	if err != nil {
		return err
	}
	v := messageLogView{
		filters: c.filters(), statuses: c.choices("desk.any-status", "desk.message-status.", "pending", "sent", "failed"),
		channels: c.choices("desk.any-channel", "desk.channel.", notify.ByEmail, notify.BySMS, notify.ByPush, "webhook", "outbox"),
		pager:    c.pager(p.Next, p.Total), whose: f.User, narrowed: f != notify.Filter{}, unsent: s.unsent(), here: c.r.URL.RawQuery,
	}
	v.filters.Problem, v.filters.Wrong = refused.Problem, refused.Wrong
	if v.lines, err = s.messageLines(c, p.Items); err != nil {
		return err
	}
	return c.show(page{title: c.say("desk.messages"), form: v.filters}, messageLogContent(v))
}

// unsent reports whether no channel leads out of the program.
func (s *Server) unsent() bool {
	for _, channel := range s.Notify.Channels {
		if !channel.Keeps() {
			return false
		}
	}
	return true
}

// mails reports whether e-mail is set up, which links to accounts go by.
func (s *Server) mails() bool {
	for _, channel := range s.Notify.Channels {
		if channel.Name() == notify.ByEmail {
			return true
		}
	}
	return false
}

// messageLines makes lines of messages, with the initials of patients.
func (s *Server) messageLines(c *call, items []notify.Notification) ([]messageLine, error) {
	users := make([]uuid.UUID, len(items))
	for i, n := range items {
		users[i] = n.User
	}
	initials, err := s.Directory.InitialsOf(c.context(), c.by, users)
	if err != nil {
		return nil, err
	}
	zone, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	lines := make([]messageLine, len(items))
	for i, n := range items {
		l := messageLine{
			id: n.ID.String(), what: c.messageKind(n.Event.Kind), who: initials[n.User], userPath: "/admin/users/" + n.User.String(),
			channel: c.channel(n.Channel), attempts: c.words.Number(n.Attempts), at: c.stampIn(n.UpdatedAt, zone),
			status: tag{messageTags[n.Status], c.say("desk.message-status." + string(n.Status))}, failed: n.Status == notify.Failed,
			legible: n.Channel == notify.Outbox{}.Name(),
		}
		if l.who == "" {
			l.who = c.say("desk.staff")
		}
		if n.LastError != "" {
			l.wrong = c.failure(n.LastError)
		}
		if n.Wanted != "" {
			l.instead = c.say("desk.instead-of", "Channel", c.channel(n.Wanted), "Why", c.failure(n.Note))
		}
		lines[i] = l
	}
	return lines, nil
}

// messageKind says what a message is about.
func (c *call) messageKind(k notify.Kind) string {
	return c.words.Or("desk.message."+string(k), string(k))
}

// failure says why a message was not sent.
func (c *call) failure(class notify.Class) string {
	return c.words.Or("desk.failure."+string(class), string(class))
}

// resendMessage has a message that failed sent again: POST /admin/messages/{id}/resend.
func (s *Server) resendMessage(c *call) error {
	if _, err := s.Notify.Resend(c.context(), c.by, c.id("id")); err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showMessageLog(c, f)
	}
	query, err := url.ParseQuery(c.field("back"))
	if err != nil {
		return errForm
	}
	return c.done(address("/admin/messages", query), "done.desk-resent")
}

// outboxPage lists the messages that stay here: GET /admin/outbox.
func (s *Server) outboxPage(c *call) error {
	p, err := s.Notify.Outbox(c.context(), c.by, c.part())
	if err != nil {
		return err
	}
	v := messageLogView{pager: c.pager(p.Next, p.Total), unsent: s.unsent()}
	if v.lines, err = s.messageLines(c, p.Items); err != nil {
		return err
	}
	return c.show(page{title: c.say("desk.outbox")}, outboxContent(v))
}

// outboxView is a message as its user would read it.
type outboxView struct {
	subject, to, at, what string
	paragraphs            []paragraph
	unsent                bool
}

// paragraph is a piece of a message's text: lines, or a link to a page of ours.
type paragraph struct {
	lines []string
	link  string
}

// outboxMessage shows what a message says: GET /admin/outbox/{id}.
func (s *Server) outboxMessage(c *call) error {
	m, err := s.Notify.Message(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	v := c.outboxView(m, s.Notify.PublicURL)
	v.at, v.unsent = c.stampIn(m.At, zone), s.unsent()
	return c.show(page{title: c.say("desk.outbox-message")}, outboxMessageContent(v))
}

// outboxView shows an admin what would have been sent to somebody, while nothing is.
func (c *call) outboxView(m notify.Message, public string) outboxView {
	v := outboxView{subject: m.Subject, to: m.To.Reveal(), what: c.messageKind(m.Kind)}
	for piece := range strings.SplitSeq(strings.TrimSpace(m.Text.Reveal()), "\n\n") {
		v.paragraphs = append(v.paragraphs, paragraph{lines(piece), ownLink(piece, public)})
	}
	return v
}

// ownLink is the path of a piece that is a link to a page of ours, with what it has
// in its fragment. Other links are text: they are nothing that we wrote.
func ownLink(piece, public string) string {
	public = strings.TrimRight(public, "/")
	path, ours := strings.CutPrefix(piece, public)
	if !ours || public == "" || strings.ContainsAny(piece, " \n") {
		return ""
	}
	return local(path, "")
}
