package web

import (
	"net/url"
	"strings"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/orders"
	pages "medbook/internal/page"
	"medbook/internal/web/ui"
)

// portalOrdersView is a page of a patient's orders.
type portalOrdersView struct {
	orders      []portalOrder
	first, next string
}

// portalOrder is a kit that was ordered for who reads this.
type portalOrder struct {
	kit, placed, changed string
	to                   []string // where it goes, by line
	tag                  ui.Link
	says                 string // what happens next
	steps                []ui.Step
}

// ordersOnPage is how many orders are on a page.
const ordersOnPage = 10

// portalOrders shows a patient's kits and how far they have come: GET /my/orders.
func (s *Server) portalOrders(c *call) error {
	p, err := s.Orders.Orders(c.context(), c.by, orders.Filter{}, pages.Request{Limit: ordersOnPage, After: c.query("after")})
	if err != nil {
		return err
	}
	v, zone := portalOrdersView{}, s.readersZone(c)
	if c.query("after") != "" {
		v.first = "/my/orders"
	}
	if p.Next != "" {
		v.next = "/my/orders?" + url.Values{"after": {p.Next}}.Encode()
	}
	for _, o := range p.Items {
		v.orders = append(v.orders, portalOrderOf(c, o, zone))
	}
	return c.show(page{title: c.say("portal.orders")}, portalOrdersContent(v))
}

// readersZone is where the reader is, if that is known, or else where the clinic is.
func (s *Server) readersZone(c *call) *time.Location {
	if c.words.Zone != nil {
		return c.words.Zone
	}
	clinic, err := s.Directory.Clinic(c.context(), c.by)
	if err != nil {
		return time.UTC
	}
	return zoneNamed(clinic.TimeZone)
}

// way is how an order goes if nobody cancels it.
var way = []orders.Status{orders.Placed, orders.Dispatched, orders.SampleReceived, orders.Completed}

// portalOrderOf shows somebody their own order.
func portalOrderOf(c *call, o orders.Order, zone *time.Location) portalOrder {
	a := o.Shipping
	status := strings.ReplaceAll(string(o.Status), "_", "-")
	v := portalOrder{
		kit:    c.words.Or("portal.kit."+string(o.Kit), string(o.Kit)),
		placed: c.words.Date(calendar.DateIn(o.CreatedAt, zone)), changed: c.words.Date(calendar.DateIn(o.UpdatedAt, zone)),
		tag: ui.Link{Href: map[orders.Status]string{orders.Cancelled: "bad", orders.Completed: "good"}[o.Status], Text: c.say("portal.order-is." + status)},
	}
	v.says = c.say("portal.order-says." + status)
	town := strings.TrimSpace(a.PostalCode.Reveal() + " " + a.City.Reveal())
	for _, line := range []string{a.Name.Reveal(), a.Line1.Reveal(), a.Line2.Reveal(), town, a.Region.Reveal(), a.Country.Reveal()} {
		if line != "" {
			v.to = append(v.to, line)
		}
	}
	if o.Status == orders.Cancelled {
		return v
	}
	v.tag.Href = map[bool]string{true: "good", false: "act"}[o.Status == orders.Completed]
	done := true
	for _, at := range way {
		step := ui.Step{Text: c.say("portal.order-is." + strings.ReplaceAll(string(at), "_", "-")), Done: done, Current: at == o.Status}
		v.steps = append(v.steps, step)
		done = done && at != o.Status
	}
	return v
}
