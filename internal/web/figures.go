package web

import (
	"cmp"
	"slices"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/notify"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// figuresView is what came of a practitioner's time, or of everybody's.
type figuresView struct {
	form           ui.Form
	periods, whose []ui.Option // whose is empty where there is no choice
	period, from   string      // as in the form
	to             string
	stretch        string // of the figures, in words
	shown          bool
	daily          bool
	rows           []figuresRow
	total          figuresRow
	use, outcomes  ui.Chart
	notice         ui.Chart
	messages       ui.Chart
	told           bool // messages are shown
}

// figuresRow is a week or a day in words.
type figuresRow struct{ label, booked, capacity, use, completed, noShows, cancelled string }

// head is the head of the column that says of which day, or which week, a row is.
func (v figuresView) head(day, week string) string {
	if v.daily {
		return day
	}
	return week
}

// figuresPage shows figures: GET /figures.
func (s *Server) figuresPage(c *call) error {
	v := figuresView{form: ui.Form{Values: c.r.URL.Query()}}
	zone, err := s.figuresZone(c, &v)
	if err != nil {
		return err
	}
	q, wrong := c.figuresQuery(&v, calendar.DateIn(s.Now(), zone))
	if v.form.Wrong = wrong; len(wrong) > 0 {
		return s.showFigures(c, v)
	}
	found, err := s.Scheduling.Figures(c.context(), c.by, q)
	if err != nil {
		c.form = c.r.URL.Query()
		if v.form, err = c.refused(err); err != nil {
			return err
		}
		return s.showFigures(c, v)
	}
	v.tell(c, q, found)
	if v.told = c.by.Is(auth.Admin) && q.Practitioner == ""; v.told {
		counts, err := s.Notify.Counts(c.context(), c.by, calendar.Day(q.From, zone).Start, calendar.Day(q.To, zone).End)
		if err != nil {
			return err
		}
		v.messages = c.messagesChart(counts)
	}
	return s.showFigures(c, v)
}

func (s *Server) showFigures(c *call, v figuresView) error {
	return c.show(page{title: c.say("figures.title"), form: v.form}, figuresContent(v))
}

// figuresZone returns where the days are: with the practitioner, or with the clinic.
// Admins can choose whose figures they see.
func (s *Server) figuresZone(c *call, v *figuresView) (*time.Location, error) {
	if c.by.Is(auth.Practitioner) {
		return c.ownZone()
	}
	v.whose = []ui.Option{{Text: c.say("figures.everybody")}}
	all, err := s.practitioners(c)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		v.whose = append(v.whose, ui.Option{Value: one.ID.String(), Text: one.Name})
	}
	return s.zone(c)
}

// mostDaily is the number of days up to which each has a row.
const mostDaily = 14

// figuresQuery reads the period from the address: whole weeks up to the one of today,
// or one's own days. It says what is wrong with those.
func (c *call) figuresQuery(v *figuresView, today calendar.Date) (q scheduling.FiguresQuery, wrong map[string]string) {
	wrong = map[string]string{}
	v.period = cmp.Or(c.query("period"), "4")
	monday := today.AddDays(-(int(today.Weekday()) + 6) % 7)
	q = scheduling.FiguresQuery{Practitioner: c.query("practitioner"), Weekly: true}
	if c.by.Is(auth.Practitioner) {
		q.Practitioner = ""
	}
	weeks := map[string]int{"4": 4, "12": 12}[v.period]
	q.From, q.To = monday.AddDays(-7*(max(1, weeks)-1)), today
	v.from, v.to = q.From.String(), q.To.String()
	if weeks == 0 {
		for name, day := range map[string]*calendar.Date{"from": &q.From, "to": &q.To} {
			var err error
			if *day, err = calendar.ParseDate(c.query(name)); err != nil {
				wrong[name] = c.say("figures.wrong-date")
			}
		}
		q.Weekly = !q.To.Before(q.From.AddDays(mostDaily))
	}
	for _, p := range []string{"4", "12", "own"} {
		v.periods = append(v.periods, ui.Option{Value: p, Text: c.say("figures.period." + p)})
	}
	v.daily = !q.Weekly
	return q, wrong
}

// tell puts figures into words and pictures.
func (v *figuresView) tell(c *call, q scheduling.FiguresQuery, f scheduling.Figures) {
	v.shown = true
	v.stretch = c.say("time.stretch", "From", c.words.ShortDate(q.From), "To", c.words.ShortDate(q.To))
	v.total = c.figuresRowOf(f.Total)
	use := ui.Series{Name: c.say("figures.use")}
	done, missed := ui.Series{Name: c.say("figures.completed")}, ui.Series{Name: c.say("figures.no-shows")}
	var labels []string
	for _, r := range f.Rows {
		v.rows = append(v.rows, c.figuresRowOf(r))
		labels = append(labels, c.words.DayAndMonth(r.First))
		use.Values = append(use.Values, r.Use())
		done.Values, missed.Values = append(done.Values, float64(r.Completed)), append(missed.Values, float64(r.NoShows))
	}
	v.use = c.chart("use", c.say("figures.use-text", "Share", v.total.use, "Booked", v.total.booked, "Capacity", v.total.capacity), labels, use)
	v.use.Share, v.use.Format = true, c.words.Percent
	v.outcomes = c.chart("outcomes", c.say("figures.outcomes-text", "Completed", v.total.completed, "Missed", v.total.noShows), labels, done, missed)
	notice := ui.Series{Name: c.say("figures.notice")}
	labels = nil
	for i, n := range f.Total.Notice {
		notice.Values = append(notice.Values, float64(n))
		labels = append(labels, c.say("figures.notice."+noticeKeys[i]))
	}
	most := slices.Index(notice.Values, slices.Max(notice.Values))
	v.notice = c.chart("notice", c.say("figures.notice-text", "Most", labels[most], "N", c.words.Number(int(notice.Values[most]))), labels, notice)
}

// noticeKeys name the buckets of scheduling.FiguresRow.Notice.
var noticeKeys = [...]string{"0", "1", "3", "7", "14", "28"}

// chart is a chart of whole numbers with its title from the catalogue.
func (c *call) chart(name, text string, labels []string, series ...ui.Series) ui.Chart {
	return ui.Chart{
		ID: "chart-" + name, Title: c.say("figures.chart." + name), Text: text, Labels: labels, Series: series,
		Format: func(v float64) string { return c.words.Number(int(v + .5)) }, Mirrored: c.words.Direction() == "rtl",
	}
}

func (c *call) figuresRowOf(r scheduling.FiguresRow) figuresRow {
	hours := func(minutes int) string { return c.words.Count("figures.hours", (minutes+30)/60) }
	return figuresRow{
		label: c.words.ShortDate(r.First), booked: hours(r.Booked), capacity: hours(r.Capacity), use: c.words.Percent(r.Use()),
		completed: c.words.Number(r.Completed), noShows: c.words.Number(r.NoShows), cancelled: c.words.Number(r.Cancelled),
	}
}

// messagesChart draws what became of messages, a column for each channel.
func (c *call) messagesChart(counts []notify.Count) ui.Chart {
	statuses := []notify.Status{notify.Sent, notify.Pending, notify.Failed}
	var channels []string
	for _, n := range counts {
		if !slices.Contains(channels, n.Channel) {
			channels = append(channels, n.Channel)
		}
	}
	slices.Sort(channels)
	series, total := make([]ui.Series, len(statuses)), map[notify.Status]int{}
	for i, status := range statuses {
		series[i] = ui.Series{Name: c.say("figures.status." + string(status)), Values: make([]float64, len(channels))}
	}
	for _, n := range counts {
		total[n.Status] += n.N
		if i := slices.Index(statuses, n.Status); i >= 0 {
			series[i].Values[slices.Index(channels, n.Channel)] += float64(n.N)
		}
	}
	labels := make([]string, len(channels))
	for i, channel := range channels {
		labels[i] = c.words.Or("figures.channel."+channel, channel)
	}
	text := c.say("figures.messages-text", "Sent", c.words.Number(total[notify.Sent]), "Pending", c.words.Number(total[notify.Pending]), "Failed", c.words.Number(total[notify.Failed]))
	return c.chart("messages", text, labels, series...)
}
