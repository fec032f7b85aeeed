// Parts of a page that stay fresh while it is open: [data-live] names a stream of
// server-sent events, and when it says that something changed, the part is read
// anew from data-part, or from the page's own address, and put in its place.
// Focus and scrolling stay. The page is whole without it.
"use strict";

const saidLive = document.createElement("p");
saidLive.className = "unseen";
saidLive.setAttribute("role", "status");
document.body.append(saidLive);

// sayLive tells those who do not see it what has happened, when nothing else is
// being said.
function sayLive(text) {
  saidLive.textContent = "";
  setTimeout(() => { saidLive.textContent = text; }, 50);
}

// keyOf finds the same thing again in a part that was read anew.
function keyOf(element, part) {
  if (!element || element === part || !part.contains(element)) return null;
  if (element.id) return "#" + CSS.escape(element.id);
  const attribute = ["href", "value", "name"].find(a => element.hasAttribute(a));
  return attribute ? element.localName + "[" + attribute + "=" + CSS.escape(element.getAttribute(attribute)) + "]" : null;
}

// freshen reads a part anew and puts it in the place of the old one. What listens
// to "fresh" on the document is given both.
async function freshen(part) {
  const own = !part.dataset.part;
  const answer = await fetch(part.dataset.part || location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return null;
  const read = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = own ? read.getElementById(part.id) : read.body.firstElementChild;
  if (!now || !part.isConnected) return null;
  const old = part.cloneNode(true);
  const focused = keyOf(document.activeElement, part);
  const scrolled = [...part.querySelectorAll(".scroll")].map(s => [s.scrollLeft, s.scrollTop]);
  part.replaceChildren(...now.childNodes);
  for (const a of now.attributes) if (a.name !== "data-live") part.setAttribute(a.name, a.value);
  [...part.querySelectorAll(".scroll")].forEach((s, i) => { if (scrolled[i]) [s.scrollLeft, s.scrollTop] = scrolled[i]; });
  const differs = old.textContent !== part.textContent;
  document.dispatchEvent(new CustomEvent("fresh", { detail: { part, old, differs } }));
  if (focused) {
    const again = part.querySelector(focused);
    if (again) again.focus({ preventScroll: true });
    else if (document.activeElement === document.body) {
      // What had it is gone. Nothing else gets it that a key could set off.
      part.tabIndex = -1;
      part.focus({ preventScroll: true });
    }
  }
  if (differs && part.dataset.said) sayLive(part.dataset.said);
  return part;
}

// follow keeps a part fresh. While data-busy says that somebody drags something in
// it, it is left alone; when that ends, it is read anew if it has to be.
function follow(part) {
  const stream = new EventSource(part.dataset.live);
  let running = false;
  let due = false;
  const run = async () => {
    due = true;
    if (running || part.hasAttribute("data-busy")) return;
    running = true;
    while (due) {
      due = false;
      try { await freshen(part); } catch { /* the next event tries again */ }
    }
    running = false;
  };
  stream.onmessage = run;
  stream.addEventListener("over", () => { stream.close(); location.reload(); });
  part.addEventListener("idle", () => { if (due) run(); });
  addEventListener("pagehide", () => stream.close());
  return stream;
}

for (const part of document.querySelectorAll("[data-live]")) follow(part);

// A page that the browser kept, with its stream closed, is shown again.
addEventListener("pageshow", shown => { if (shown.persisted) location.reload(); });
