package browser

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Click clicks the control of that name with the mouse: a button, a link, a
// checkbox, a summary. If there is none, target is a CSS selector of one element.
func (tab *Tab) Click(target string) {
	tab.t.Helper()
	tab.click(tab.target(target))
	tab.settle()
}

func (tab *Tab) click(n node) {
	tab.t.Helper()
	x, y := tab.point(n)
	for _, e := range []input.DispatchMouseEventParams{
		{Type: input.DispatchMouseEventTypeMouseMoved},
		{Type: input.DispatchMouseEventTypeMousePressed, Button: input.MouseButtonLeft, Buttons: 1, ClickCount: 1},
		{Type: input.DispatchMouseEventTypeMouseReleased, Button: input.MouseButtonLeft, ClickCount: 1},
	} {
		e.X, e.Y = x, y
		must(tab, input.DispatchMouseEvent, e)
	}
}

// covering tells what a click at (x, y) would hit instead of this, "" if nothing.
// The label of a field may lie over it.
const covering = `function(x, y) {
	let hit = document.elementFromPoint(x, y);
	while (hit?.shadowRoot?.elementFromPoint(x, y)) hit = hit.shadowRoot.elementFromPoint(x, y);
	if (hit && (this.contains(hit) || hit.closest("label")?.control === this)) return "";
	return hit ? hit.cloneNode(false).outerHTML : "nothing";
}`

// point scrolls the node into view and returns where a mouse hits it.
func (tab *Tab) point(n node) (x, y float64) {
	tab.t.Helper()
	if ask[bool](tab, n, `function() { return this.matches(":disabled, [aria-disabled=true]") }`) {
		tab.fail("%s %q is disabled", n.role, n.name)
	}
	if _, err := call(tab, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: n.dom}); err != nil {
		tab.fail("%s %q can't be scrolled into view: %v", n.role, n.name, err)
	}
	shape, err := call(tab, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: n.dom})
	if err != nil || len(shape.Quads) == 0 {
		tab.fail("%s %q is not seen: %v", n.role, n.name, err)
	}
	over := ""
	for _, q := range shape.Quads { // a link that is broken over lines has several
		x, y = (q[0]+q[2]+q[4]+q[6])/4, (q[1]+q[3]+q[5]+q[7])/4
		if over = ask[string](tab, n, covering, x, y); over == "" {
			return x, y
		}
	}
	tab.fail("%s %q is covered by %s", n.role, n.name, over)
	return 0, 0
}

// writable says why this can't be written into, "" if it can.
const writable = `function() { return this.disabled ? "disabled" : this.readOnly ? "read-only" : "" }`

// Fill writes value into the field of that label, in place of what is there. A
// date is written as 2026-11-29, a time as 14:30, whatever the page's language is.
func (tab *Tab) Fill(label, value string) {
	tab.t.Helper()
	n := tab.field(label)
	if why := ask[string](tab, n, writable); why != "" {
		tab.fail("field %q is %s", label, why)
	}
	switch n.role {
	case "Date", "DateTime", "InputTime", "ColorWell", "slider":
		ask[bool](tab, n, assign, value)
	default:
		must(tab, dom.Focus, dom.FocusParams{BackendNodeID: n.dom})
		ask[bool](tab, n, `function() { this.select(); return true }`)
		if value == "" {
			tab.press("Delete")
		} else {
			must(tab, input.InsertText, input.InsertTextParams{Text: value})
		}
	}
	tab.settle()
	if got := ask[string](tab, n, `function() { return this.value }`); got != value {
		tab.fail("field %q took %q as %q", label, value, got)
	}
}

// assign gives this a value as if a person had picked it.
const assign = `function(value) {
	this.focus();
	this.value = value;
	for (const kind of ["input", "change"]) this.dispatchEvent(new Event(kind, {bubbles: true}));
	return true;
}`

// pick chooses the option of this select whose text is the given one. It returns
// the texts of all options if there is none.
const pick = `function(text) {
	const plain = s => s.trim().split(/\s+/).join(" ");
	const all = [...this.options], found = all.filter(o => plain(o.text) === text && !o.disabled);
	if (found.length !== 1) return all.map(o => plain(o.text));
	this.focus();
	if (found[0].selected) return [];
	found[0].selected = true;
	for (const kind of ["input", "change"]) this.dispatchEvent(new Event(kind, {bubbles: true}));
	return [];
}`

// Choose chooses an option of what is labelled so: of a select by its text, of a
// group of radio buttons or checkboxes by clicking it, unless it is checked.
func (tab *Tab) Choose(label, option string) {
	tab.t.Helper()
	nodes := tab.all()
	if group := named(nodes, label, groups); len(group) > 0 {
		inner := within(nodes, tab.only(group, fmt.Sprintf("group %q", label)))
		n := tab.only(named(inner, option, choices), fmt.Sprintf("choice %q in %q", option, label))
		if !ask[bool](tab, n, `function() { return this.checked }`) {
			tab.click(n)
		}
		tab.settle()
		return
	}
	n := tab.only(named(nodes, label, set("combobox", "listbox")), fmt.Sprintf("list or group labelled %q", label))
	if !ask[bool](tab, n, `function() { return this instanceof HTMLSelectElement && !this.disabled }`) {
		tab.fail("%q is not a list to choose from", label)
	}
	if others := ask[[]string](tab, n, pick, plain(option)); len(others) > 0 {
		tab.fail("%q has not the one option %q, but %q", label, option, others)
	}
	tab.settle()
}

// Value returns what is in the field of that label, the text of a list's option,
// or what is checked in the group of that label, separated by ", ". Of a single
// checkbox it is "on" or "".
func (tab *Tab) Value(label string) string {
	tab.t.Helper()
	nodes := tab.all()
	checked := func(n node) bool { return ask[bool](tab, n, `function() { return this.checked }`) }
	if group := named(nodes, label, groups); len(group) > 0 {
		var names []string
		for _, n := range within(nodes, tab.only(group, fmt.Sprintf("group %q", label))) {
			if choices[n.role] && checked(n) {
				names = append(names, n.name)
			}
		}
		return strings.Join(names, ", ")
	}
	if box := named(nodes, label, choices); len(box) > 0 {
		return either(checked(tab.only(box, fmt.Sprintf("box %q", label))), "on", "")
	}
	n := tab.only(append(named(nodes, label, fields), named(nodes, label, set("listbox"))...), fmt.Sprintf("field labelled %q", label))
	return ask[string](tab, n, `function() {
		if (!(this instanceof HTMLSelectElement)) return this.value;
		return [...this.selectedOptions].map(o => o.text.trim().split(/\s+/).join(" ")).join(", ") }`)
}

// keys are the names of those that write nothing, as the browser calls them.
var keys = map[string]string{
	"Enter": kb.Enter, "Tab": kb.Tab, "Escape": kb.Escape, "Backspace": kb.Backspace, "Delete": kb.Delete, "Space": " ",
	"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
	"Home": kb.Home, "End": kb.End, "PageUp": kb.PageUp, "PageDown": kb.PageDown,
}

// modifiers are bits of what is held down, as the browser's protocol has them.
var modifiers = map[string]int64{"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}

// Press presses keys one after the other, each of its own events: "Tab", "Enter",
// "Space", "ArrowDown", "PageUp", "Home", "Escape", "a", "Shift+Tab", "Control+a".
func (tab *Tab) Press(keys ...string) {
	tab.t.Helper()
	for _, key := range keys {
		tab.press(key)
	}
	tab.settle()
}

func (tab *Tab) press(key string) {
	tab.t.Helper()
	held, name := int64(0), key
	for before, after, ok := strings.Cut(name, "+"); ok && after != ""; before, after, ok = strings.Cut(name, "+") {
		if modifiers[before] == 0 {
			tab.fail("there is no modifier %q", before)
		}
		held, name = held|modifiers[before], after
	}
	text, ok := keys[name]
	if !ok {
		text = name
	}
	if len([]rune(text)) != 1 {
		tab.fail("there is no key %q", key)
	}
	for _, e := range kb.Encode([]rune(text)[0]) {
		e.Modifiers |= held
		if e.Type == input.DispatchKeyEventTypeChar && held&^modifiers["Shift"] != 0 {
			continue // it writes nothing
		}
		must(tab, input.DispatchKeyEvent, *e)
	}
}

// Drag drags the thing of a name, or that CSS selects, onto another, with the mouse.
func (tab *Tab) Drag(from, to string) {
	tab.t.Helper()
	source, target := tab.thing(from), tab.thing(to)
	tab.point(target) // scrolls, and so does the next
	fromX, fromY := tab.point(source)
	toX, toY := tab.point(target)
	if x, y := tab.point(source); x != fromX || y != fromY {
		tab.fail("%q and %q are not in view together", from, to)
	}
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.DragAndDropXY(fromX, fromY, toX, toY)); err != nil {
		tab.fail("drag %q to %q: %v", from, to, err)
	}
	tab.settle()
}
