package web

import (
	"strings"

	"github.com/google/uuid"

	"medbook/internal/directory"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/web/ui"
)

// orderTags are the colours of the statuses of orders, and orderOrder how they follow.
var (
	orderTags = map[orders.Status]string{
		orders.Placed: "warn", orders.Dispatched: "act", orders.SampleReceived: "act", orders.Completed: "good", orders.Cancelled: "",
	}
	orderOrder = []string{"placed", "dispatched", "sample_received", "completed", "cancelled"}
	kits       = []string{string(orders.WholeExome), string(orders.WholeGenome), string(orders.Targeted), string(orders.Genotyping)}
)

func (c *call) orderTag(s orders.Status) tag {
	return tag{orderTags[s], c.say("desk.order." + string(s))}
}

func (c *call) kitName(k orders.Kit) string { return c.say("desk.kit." + string(k)) }

// orderLine is an order in a list, without where it goes.
type orderLine struct {
	href, kit, who, placed string
	status                 tag
}

// ordersView is the list of orders.
type ordersView struct {
	filters  ui.Form
	statuses []ui.Option
	lines    []orderLine
	pager    pager
	whose    string // the user whose orders they are, if it is one's
	narrowed bool
}

// ordersPage lists orders: GET /admin/orders.
func (s *Server) ordersPage(c *call) error {
	f := orders.Filter{User: c.query("user"), Status: orders.Status(c.query("status"))}
	p, err := s.Orders.Orders(c.context(), c.by, f, c.part())
	if err != nil {
		return err
	}
	v := ordersView{
		filters: c.filters(), statuses: c.choices("desk.any-status", "desk.order.", orderOrder...), pager: c.pager(p.Next, p.Total),
		whose: f.User, narrowed: f != orders.Filter{},
	}
	if v.lines, err = s.orderLines(c, p.Items); err != nil {
		return err
	}
	return c.show(page{title: c.say("desk.orders")}, ordersContent(v))
}

// orderLines makes lines of orders, with the initials of patients.
func (s *Server) orderLines(c *call, items []orders.Order) ([]orderLine, error) {
	users := make([]uuid.UUID, len(items))
	for i, o := range items {
		users[i] = o.User()
	}
	initials, err := s.Directory.InitialsOf(c.context(), c.by, users)
	if err != nil {
		return nil, err
	}
	zone, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	lines := make([]orderLine, len(items))
	for i, o := range items {
		lines[i] = orderLine{
			href: "/admin/orders/" + o.ID.String(), kit: c.kitName(o.Kit), who: c.called(initials, o.User()),
			placed: c.stampIn(o.CreatedAt, zone), status: c.orderTag(o.Status),
		}
	}
	return lines, nil
}

// orderView is an order with where it goes, and what was told of it.
type orderView struct {
	path, kit, name, userPath string
	status                    tag
	address                   []string
	history                   []orderEvent
	acts                      []orderAct
}

// orderEvent is something that happened to an order.
type orderEvent struct{ at, what string }

// orderAct is a way on from where an order stands.
type orderAct struct{ step, kind, text string }

// ways are the ways on from each status.
var ways = map[orders.Status][]orderAct{
	orders.Placed:         {{step: "dispatch"}, {step: "cancel", kind: "danger"}},
	orders.Dispatched:     {{step: "receive"}, {step: "cancel", kind: "danger"}},
	orders.SampleReceived: {{step: "complete"}},
}

// orderPage shows an order: GET /admin/orders/{id}.
func (s *Server) orderPage(c *call) error { return s.showOrder(c, ui.Form{}) }

func (s *Server) showOrder(c *call, f ui.Form) error {
	o, err := s.Orders.Order(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	user, err := s.Directory.User(c.context(), c.by, o.User().String())
	if err != nil {
		return err
	}
	v := c.orderView(o, user)
	if v.history, err = s.orderHistory(c, o); err != nil {
		return err
	}
	for _, act := range ways[o.Status] {
		act.text = c.say("desk.order-act." + act.step)
		v.acts = append(v.acts, act)
	}
	return c.show(page{title: c.say("desk.order"), form: f}, orderContent(v, f))
}

// orderView tells staff what was ordered for whom, and where it goes.
func (c *call) orderView(o orders.Order, user directory.User) orderView {
	v := orderView{
		path: "/admin/orders/" + o.ID.String(), kit: c.kitName(o.Kit), name: user.Name.Reveal(),
		userPath: "/admin/users/" + o.User().String(), status: c.orderTag(o.Status),
	}
	if a := o.Shipping; !a.Name.IsZero() {
		for _, line := range []string{
			a.Name.Reveal(), a.Line1.Reveal(), a.Line2.Reveal(), a.PostalCode.Reveal() + " " + a.City.Reveal(), a.Region.Reveal(), a.Country.Reveal(),
		} {
			if line != "" {
				v.address = append(v.address, line)
			}
		}
	}
	return v
}

// orderHistory is what is known to have happened: when it was placed, what was told of
// it, and since when it stands where it does.
func (s *Server) orderHistory(c *call, o orders.Order) ([]orderEvent, error) {
	zone, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	history := []orderEvent{{c.stampIn(o.CreatedAt, zone), c.say("desk.order.placed")}}
	req := c.part()
	req.Limit, req.Count = most, false
	told, err := s.Notify.Notifications(c.context(), c.by, notify.Filter{User: o.User().String()}, req)
	if err != nil {
		return nil, err
	}
	for _, n := range told.Items {
		if n.About == o.ID.String() {
			what := c.say("desk.order-told", "Channel", c.channel(n.Channel), "Status", c.say("desk.message-status."+string(n.Status)))
			history = append(history, orderEvent{c.stampIn(n.UpdatedAt, zone), what})
		}
	}
	if o.Status != orders.Placed {
		history = append(history, orderEvent{c.stampIn(o.UpdatedAt, zone), c.say("desk.order." + string(o.Status))})
	}
	return history, nil
}

// orderStep takes an order on: POST /admin/orders/{id}.
func (s *Server) orderStep(c *call) error {
	step := map[string]func(string) (orders.Order, error){
		"dispatch": func(o string) (orders.Order, error) { return s.Orders.Dispatch(c.context(), c.by, o) },
		"receive":  func(o string) (orders.Order, error) { return s.Orders.Receive(c.context(), c.by, o) },
		"complete": func(o string) (orders.Order, error) { return s.Orders.Complete(c.context(), c.by, o) },
		"cancel":   func(o string) (orders.Order, error) { return s.Orders.Cancel(c.context(), c.by, o) },
	}[c.field("step")]
	if step == nil {
		return errForm
	}
	o, err := step(c.id("id"))
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showOrder(c, f)
	}
	return c.done("/admin/orders/"+o.ID.String(), "done.desk-order-"+string(o.Status))
}

// orderForWhom asks for whom to order a kit: GET /admin/orders/place.
func (s *Server) orderForWhom(c *call) error { return s.showPatientSearch(c, c.orderSearch()) }

// orderForFound searches: POST /admin/orders/place.
func (s *Server) orderForFound(c *call) error {
	return s.searchPatients(c, c.orderSearch(), func(user string) string { return "/admin/orders/place/" + user })
}

func (c *call) orderSearch() personSearchView {
	return personSearchView{action: "/admin/orders/place", back: "/admin/orders", title: c.say("desk.order-new"), hint: c.say("desk.order-whom")}
}

// newOrderView is the form of an order, and then what is about to be ordered.
type newOrderView struct {
	form           ui.Form
	path, user     string
	kits, channels []ui.Option
	address        addressView // that the user has
}

// addressView is where a kit goes, before it is filled in.
type addressView struct{ name, line1 string }

// newOrder asks what to order, and where it goes: GET /admin/orders/place/{user}.
func (s *Server) newOrder(c *call) error { return s.showNewOrder(c, ui.Form{}) }

func (s *Server) showNewOrder(c *call, f ui.Form) error {
	user, err := s.Directory.User(c.context(), c.by, c.id("user"))
	if err != nil {
		return err
	}
	v := newOrderView{
		form: f, path: "/admin/orders/place/" + user.ID.String(), kits: c.choices("", "desk.kit.", kits...),
		channels: c.choices("desk.channel-default", "desk.channel.", notify.ByEmail, notify.BySMS, notify.ByPush),
	}
	v.address = addressOf(user)
	v.user = v.address.name
	return c.show(page{title: c.say("desk.order-new"), form: f}, newOrderContent(v))
}

// addressOf is what staff know of where a user lives, to begin with.
func addressOf(user directory.User) addressView {
	return addressView{name: user.Name.Reveal(), line1: user.Address.Reveal()}
}

// orderOfForm is the order that was filled in.
func (c *call) orderOfForm() orders.NewOrder {
	return orders.NewOrder{
		User: c.id("user"), Kit: orders.Kit(c.field("kit_type")), Channel: c.field("notification_channel"),
		Shipping: orders.Address{
			Name: c.given("shipping.name"), Line1: c.given("shipping.line1"), Line2: c.given("shipping.line2"), City: c.given("shipping.city"),
			Region: c.given("shipping.region"), PostalCode: c.given("shipping.postal_code"), Country: c.given("shipping.country"),
		},
	}
}

// orderFields are the fields of an order's form, in their order.
var orderFields = []string{
	"kit_type", "shipping.name", "shipping.line1", "shipping.line2", "shipping.postal_code", "shipping.city", "shipping.region", "shipping.country",
	"notification_channel",
}

// checkOrderView is what is about to be ordered, and what its user will be told.
type checkOrderView struct {
	path, name, kit string
	address         []string
	answers         [][2]string // to be sent again
	once            string
	draft           draftView
}

// draftView is a message that is not written yet.
type draftView struct {
	channel, subject string
	text             []string
	untold           bool
}

// checkOrder shows what is about to be ordered, and what its user will be told:
// POST /admin/orders/place/{user}.
func (s *Server) checkOrder(c *call) error {
	c.form.Set("shipping.country", strings.ToUpper(c.field("shipping.country")))
	n := c.orderOfForm()
	channel, err := s.Orders.Check(c.context(), c.by, n)
	if err != nil || c.field("change") != "" {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showNewOrder(c, f)
	}
	user, err := s.Directory.User(c.context(), c.by, n.User)
	if err != nil {
		return err
	}
	d, err := s.Notify.PreviewOver(c.context(), c.by, n.User, notify.OrderPlaced, channel)
	if err != nil {
		return err
	}
	shown := c.orderView(orders.Order{Kit: n.Kit, Shipping: n.Shipping}, user)
	v := checkOrderView{path: "/admin/orders/place/" + user.ID.String(), name: shown.name, kit: shown.kit, address: shown.address, once: newOnce(), draft: c.draftView(d)}
	for _, name := range orderFields {
		v.answers = append(v.answers, [2]string{name, c.field(name)})
	}
	return c.show(page{title: c.say("desk.order-check")}, checkOrderContent(v))
}

// draftView shows staff what somebody will be told.
func (c *call) draftView(d notify.Draft) draftView {
	return draftView{channel: c.channel(d.Channel), subject: d.Subject, text: lines(d.Text.Reveal()), untold: d.Channel == notify.ByNone}
}

// channel is a channel's name in words.
func (c *call) channel(name string) string {
	return c.words.Or("desk.channel."+name, name)
}

// placeOrder orders: POST /admin/orders/place/{user}/now.
func (s *Server) placeOrder(c *call) error {
	ctx := c.once(func(made any) string { return "/admin/orders/" + made.(orders.Order).ID.String() })
	o, err := s.Orders.Place(ctx, c.by, c.orderOfForm())
	if c.again(err) {
		return nil
	}
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showNewOrder(c, f)
	}
	return c.done("/admin/orders/"+o.ID.String(), "done.desk-order-placed")
}
