// The week's table: one stop of the Tab key and arrows within, dragging with the
// mouse or the keyboard, and what changes while it is shown. All of it is there as
// links and forms without this.
"use strict";

const week = () => document.getElementById("week");
const cells = () => [...week().querySelectorAll("td .cell[href]")];
const placeOf = cell => cell.closest("td");
const rowOf = cell => Number(placeOf(cell).dataset.row);
const colOf = cell => Number(placeOf(cell).dataset.col);
const lastRowOf = cell => rowOf(cell) + placeOf(cell).rowSpan - 1;

// rove makes one cell the stop of the Tab key.
function rove(to) {
  for (const cell of cells()) cell.tabIndex = cell === to ? 0 : -1;
}

// go moves the focus to a cell.
function go(to) {
  if (!to) return;
  rove(to);
  to.focus();
}

function arrange() {
  const table = week()?.querySelector("table.week");
  if (!table) return;
  table.setAttribute("role", "grid");
  const all = cells();
  rove(all.find(c => c === document.activeElement) || all.find(c => c.dataset.kind) || all[0]);
}

// beside finds the nearest cell in a direction: of the same day up and down, of the
// same time to the sides.
function beside(from, key) {
  const all = cells();
  const rtl = document.dir === "rtl";
  switch (key) {
    case "ArrowDown":
      return all.filter(c => colOf(c) === colOf(from) && rowOf(c) > rowOf(from)).sort((a, b) => rowOf(a) - rowOf(b))[0];
    case "ArrowUp":
      return all.filter(c => colOf(c) === colOf(from) && rowOf(c) < rowOf(from)).sort((a, b) => rowOf(b) - rowOf(a))[0];
    case "ArrowLeft":
    case "ArrowRight": {
      const step = (key === "ArrowRight") === !rtl ? 1 : -1;
      return sameTime(all, from).filter(c => (colOf(c) - colOf(from)) * step > 0).sort((a, b) => (colOf(a) - colOf(b)) * step)[0];
    }
    case "Home":
      return sameTime(all, from).sort((a, b) => colOf(a) - colOf(b))[0];
    case "End":
      return sameTime(all, from).sort((a, b) => colOf(b) - colOf(a))[0];
  }
  return null;
}

// sameTime lists the cells that stand in the row of one, one a day.
function sameTime(all, from) {
  const row = rowOf(from);
  return all.filter(c => rowOf(c) <= row && lastRowOf(c) >= row);
}

// turn shows another week, with the focus at the same place.
async function turn(which, from) {
  const link = week().querySelector("[data-week=" + which + "]");
  const row = rowOf(from), col = colOf(from);
  sessionStorage.setItem("week-focus", row + " " + col);
  location.assign(link.href);
}

// The place that a turn left is found again on the page that it led to.
function returned() {
  const place = sessionStorage.getItem("week-focus");
  if (!place || !week()) return;
  sessionStorage.removeItem("week-focus");
  const [row, col] = place.split(" ").map(Number);
  const near = cells().sort((a, b) => far(a, row, col) - far(b, row, col))[0];
  go(near || week().querySelector("[data-week]"));
}

const far = (cell, row, col) => 100 * Math.abs(colOf(cell) - col) + Math.abs(rowOf(cell) - row);

// Dragging. What is carried: a free slot, to where there is none; an appointment, to
// a free slot.
let carried = null;

function lift(cell) {
  if (!cell?.dataset.move) return false;
  carried = { cell, over: null };
  cell.setAttribute("aria-grabbed", "true");
  week().setAttribute("data-busy", "");
  return true;
}

// takes reports whether what is carried can be dropped on a cell.
function takes(cell) {
  if (!cell || cell === carried.cell) return false;
  if (carried.cell.dataset.kind === "appointment") return Boolean(cell.dataset.slot);
  return !placeOf(cell).dataset.state && Boolean(placeOf(cell).dataset.at);
}

function hover(cell) {
  if (carried.over === cell) return;
  carried.over?.classList.remove("over");
  carried.over = takes(cell) ? cell : null;
  carried.over?.classList.add("over");
}

function drop() {
  const { cell, over } = carried;
  settle();
  if (!over) return sayLive(week().dataset.dropped);
  if (cell.dataset.kind === "appointment") {
    location.assign(cell.dataset.move + "?to=" + encodeURIComponent(over.dataset.slot));
    return;
  }
  send(cell, placeOf(over).dataset.at);
}

// settle ends the carrying.
function settle() {
  carried.over?.classList.remove("over");
  carried.cell.removeAttribute("aria-grabbed");
  carried = null;
  week().removeAttribute("data-busy");
  week().dispatchEvent(new Event("idle"));
}

// send moves a slot by the form that its page has, and shows what became of it.
async function send(cell, to) {
  const form = week().querySelector("[data-drop]");
  form.elements.etag.value = cell.dataset.etag;
  form.elements.to.value = to;
  let answer, said;
  try {
    answer = await fetch(cell.dataset.move, { method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin" });
    said = await answer.text();
    await freshen(week());
  } catch {
    return tellWeek("bad", week().dataset.refused);
  }
  go(week().querySelector("[data-at='" + CSS.escape(to) + "'] .cell"));
  if (answer.ok && answer.redirected) return tellWeek("good", week().dataset.moved);
  const problem = new DOMParser().parseFromString(said, "text/html").querySelector("[data-summary]");
  const text = [...(problem?.querySelectorAll("p, li") || [])].map(p => p.textContent.trim()).join(" ");
  tellWeek("bad", text || week().dataset.refused);
}

// tellWeek shows a notice above the week, in the place of the one before.
function tellWeek(kind, text) {
  document.getElementById("week-told")?.remove();
  const notice = document.createElement("div");
  notice.id = "week-told";
  notice.className = "notice " + kind;
  notice.setAttribute("role", kind === "bad" ? "alert" : "status");
  const p = document.createElement("p");
  notice.append(p);
  week().before(notice);
  p.textContent = text;
}

// carry moves what the keyboard carries.
function carry(key) {
  switch (key) {
    case "Enter":
      drop();
      return true;
    case "Escape":
      sayLive(week().dataset.dropped);
      go(carried.cell);
      settle();
      return true;
  }
  const to = beside(document.activeElement, key);
  if (!to) return false;
  go(to);
  hover(to);
  sayLive(carried.over ? week().dataset.over.replace("{time}", placeOf(to).dataset.time) : week().dataset.nowhere);
  return true;
}

document.addEventListener("keydown", e => {
  const cell = e.target.closest?.("#week td .cell");
  if (!cell || e.ctrlKey || e.altKey || e.metaKey || e.shiftKey) return;
  let done = false;
  if (carried) done = carry(e.key);
  else if (e.key === "PageUp" || e.key === "PageDown") { turn(e.key === "PageUp" ? "previous" : "next", cell); done = true; }
  else if (e.key.toLowerCase() === "m") { done = lift(cell); if (done) sayLive(week().dataset.lifted); }
  else { const to = beside(cell, e.key); go(to); done = Boolean(to); }
  if (done) e.preventDefault();
});

document.addEventListener("focusin", e => {
  const cell = e.target.closest?.("#week td .cell[href]");
  if (cell) rove(cell);
});

// With a mouse or a pen a press that moves is a drag, one that does not is a click. A
// finger scrolls; who has no mouse opens what is there and moves it on its own page.
let press = null;

document.addEventListener("pointerdown", e => {
  const cell = e.target.closest?.("#week td .cell[data-move]");
  if (cell && e.button === 0 && e.pointerType !== "touch") press = { cell, x: e.clientX, y: e.clientY };
});

document.addEventListener("pointermove", e => {
  if (press && !carried && Math.hypot(e.clientX - press.x, e.clientY - press.y) > 6) lift(press.cell);
  if (!press || !carried) return;
  e.preventDefault();
  hover(document.elementFromPoint(e.clientX, e.clientY)?.closest("#week td .cell[href]"));
});

document.addEventListener("pointerup", () => {
  if (press && carried) {
    // The click that comes with it, if one does, opens nothing.
    const silence = e => { e.preventDefault(); e.stopPropagation(); };
    addEventListener("click", silence, { capture: true });
    setTimeout(() => removeEventListener("click", silence, { capture: true }));
    drop();
  }
  press = null;
});

document.addEventListener("pointercancel", () => {
  if (carried) settle();
  press = null;
});

// The browser's own dragging of links would take the place of ours.
document.addEventListener("dragstart", e => { if (e.target.closest?.("#week .cell")) e.preventDefault(); });

// What has changed is told by what stood at the same times before.
document.addEventListener("fresh", e => {
  if (e.detail.part.id !== "week") return;
  arrange();
  const now = e.detail.part;
  document.title = document.title.replace(e.detail.old.dataset.title, now.dataset.title);
  const states = part => new Map([...part.querySelectorAll("td[data-at]")].map(td => [td.dataset.at, td]));
  const before = states(e.detail.old), after = states(now);
  const told = [];
  for (const [at, td] of after) {
    const was = before.get(at)?.dataset.state, is = td.dataset.state;
    if (was === is) continue;
    const taken = s => s === "held" || s === "booked";
    const kind = was === "free" && taken(is) ? "taken" : taken(was) && is === "free" ? "freed" : !was && is === "free" ? "added" : was === "free" && !is ? "removed" : "";
    const time = (is ? td : before.get(at)).dataset.time;
    told.push(kind ? now.dataset[kind].replace("{time}", time) : now.dataset.changed);
  }
  if (told.length) sayLive([...new Set(told)].slice(0, 3).join(" "));
});

for (const print of document.querySelectorAll("[data-print]")) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}

if (week()) {
  arrange();
  returned();
}
