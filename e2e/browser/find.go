package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
)

// node is a thing on the page as assistive technology is told of it.
type node struct {
	role, name, link string // link is where a link leads
	id               accessibility.NodeID
	parent           accessibility.NodeID
	dom              cdp.BackendNodeID
}

// fields are the roles of what Fill writes into.
var fields = set("textbox", "searchbox", "combobox", "spinbutton", "slider", "Date", "DateTime", "InputTime", "ColorWell")

// controls are the roles of what Click clicks.
var controls = set("button", "link", "checkbox", "radio", "switch", "tab", "menuitem", "menuitemcheckbox", "menuitemradio",
	"option", "treeitem", "gridcell", "DisclosureTriangle", "listbox",
	"textbox", "searchbox", "combobox", "spinbutton", "slider", "Date", "DateTime", "InputTime", "ColorWell")

// groups are the roles of what Choose chooses in, beside fields.
var groups = set("group", "radiogroup")

// choices are the roles of what can be chosen in a group.
var choices = set("radio", "checkbox")

// noise are the roles of text, which is named by itself.
var noise = set("StaticText", "InlineTextBox", "RootWebArea", "ListMarker", "LineBreak", "none")

func set(roles ...string) map[string]bool {
	all := map[string]bool{}
	for _, role := range roles {
		all[role] = true
	}
	return all
}

// said is the text of a value that the browser gives.
func said(v *accessibility.Value) (text string) {
	if v == nil || json.Unmarshal(v.Value, &text) != nil {
		return ""
	}
	return text
}

// nodes returns what there is on the page, in order.
func (tab *Tab) nodes() ([]node, error) {
	tree, err := call(tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		return nil, err
	}
	var all []node
	for _, n := range tree.Nodes {
		found := node{role: said(n.Role), name: plain(said(n.Name)), id: n.NodeID, parent: n.ParentID, dom: n.BackendDOMNodeID}
		for _, p := range n.Properties {
			if p.Name == "url" {
				found.link = said(p.Value)
			}
		}
		if n.Ignored {
			found.role, found.name = "none", ""
		}
		all = append(all, found)
	}
	return all, nil
}

// all is nodes for what can't do without.
func (tab *Tab) all() []node {
	tab.t.Helper()
	nodes, err := tab.nodes()
	if err != nil {
		tab.fail("%v", err)
	}
	return nodes
}

// named returns those of nodes that have the name and one of the roles.
func named(nodes []node, name string, roles map[string]bool) []node {
	return slices.DeleteFunc(slices.Clone(nodes), func(n node) bool { return !roles[n.role] || n.name != plain(name) })
}

// only returns the one that was found, or fails the test.
func (tab *Tab) only(found []node, what string) node {
	tab.t.Helper()
	if len(found) == 0 {
		tab.fail("there is no %s", what)
	}
	for _, n := range found {
		if len(found) > 1 && (n.link == "" || n.link != found[0].link) {
			tab.fail("there are %d of %s: a person can't tell them apart", len(found), what)
		}
	}
	return found[0]
}

// field returns what is labelled so and can be written into.
func (tab *Tab) field(label string) node {
	tab.t.Helper()
	return tab.only(named(tab.all(), label, fields), fmt.Sprintf("field labelled %q", label))
}

// target returns the control of that name; if there is none, the one element that
// is selected by it as CSS.
func (tab *Tab) target(name string) node {
	tab.t.Helper()
	if found := named(tab.all(), name, controls); len(found) > 0 {
		return tab.only(found, fmt.Sprintf("control %q", name))
	}
	return tab.selected(name)
}

// thing returns whatever is named so, control or not, or selected by it as CSS.
func (tab *Tab) thing(name string) node {
	tab.t.Helper()
	nodes := tab.all()
	found := named(nodes, name, controls)
	if len(found) == 0 {
		found = slices.DeleteFunc(nodes, func(n node) bool { return noise[n.role] || n.name != plain(name) })
	}
	if len(found) > 0 {
		return tab.only(found, fmt.Sprintf("%q", name))
	}
	return tab.selected(name)
}

// selected returns the one element that CSS selects.
func (tab *Tab) selected(css string) node {
	tab.t.Helper()
	object, err := tab.function(`css => {
		let all = [];
		try { all = document.querySelectorAll(css) } catch { /* it was a name */ }
		return all.length === 1 ? all[0] : all.length }`, "", false, css)
	switch {
	case err != nil:
		tab.fail("%v", err)
	case object.ObjectID != "":
		return node{name: css, dom: must(tab, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: object.ObjectID}).Node.BackendNodeID}
	case string(object.Value) != "0":
		tab.fail("%q selects %s elements", css, object.Value)
	}
	tab.fail("there is nothing that is named or selected by %q", css)
	return node{}
}

// within returns those of nodes that are inside of outer.
func within(nodes []node, outer node) (inner []node) {
	inside := map[accessibility.NodeID]bool{outer.id: true}
	for grown := true; grown; {
		grown = false
		for _, n := range nodes {
			if inside[n.parent] && !inside[n.id] {
				inside[n.id], grown = true, true
				inner = append(inner, n)
			}
		}
	}
	return inner
}

// object returns a handle of the node in the tab's own world.
func (tab *Tab) object(n node) runtime.RemoteObjectID {
	tab.t.Helper()
	world, err := tab.world()
	if err != nil {
		tab.fail("%v", err)
	}
	return must(tab, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: n.dom, ExecutionContextID: world}).Object.ObjectID
}

// ask returns what a function returns that is called with the node as this.
func ask[T any](tab *Tab, n node, source string, args ...any) (value T) {
	tab.t.Helper()
	result, err := tab.function(source, tab.object(n), true, args...)
	if err != nil {
		tab.fail("%s %q: %v", n.role, n.name, err)
	}
	if err := json.Unmarshal(result.Value, &value); err != nil {
		tab.fail("%s %q: %v", n.role, n.name, err)
	}
	return value
}

// HasA fails the test unless there is exactly one thing of the role and name that
// assistive technology is told of, such as "heading", "link", "button", "img",
// "table", "alert" or "status".
func (tab *Tab) HasA(role, name string) {
	tab.t.Helper()
	found := named(tab.all(), name, set(role))
	if len(found) != 1 {
		var names []string
		for _, n := range tab.all() {
			if n.role == role {
				names = append(names, fmt.Sprintf("%q", n.name))
			}
		}
		tab.fail("there are %d of %s %q; each %s: %s", len(found), role, name, role, strings.Join(names, ", "))
	}
}
