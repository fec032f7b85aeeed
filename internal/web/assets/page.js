// What every page does if it may run scripts: nothing that a page needs.
"use strict";

// The reader's zone, so that times can be shown in it too.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes("zone=")) {
  document.cookie = "zone=" + encodeURIComponent(zone) + "; path=/; max-age=31536000; secure; samesite=lax";
}

// arrived is what a page, or a part of one that htmx brought, is given.
function arrived(part) {
  // The first thing that is wrong gets the focus.
  const summary = part.querySelector("[data-summary]");
  if (summary) summary.focus();

  // A link's token is in its fragment, which is sent to no server. It goes into the
  // form that wants it, and out of the address bar and the history.
  const token = part.querySelector("input[data-token]");
  if (token && location.hash.length > 1) {
    token.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
    if (token.form.hasAttribute("data-open")) token.form.requestSubmit();
  }
  if (token && token.value) token.closest(".field").hidden = true;

  for (const timer of part.querySelectorAll("[data-ends]")) count(timer);
  for (const own of part.querySelectorAll("[data-submit-on-change]")) own.addEventListener("change", () => own.form.requestSubmit());
}

// count shows how long a hold lasts. It is said aloud at some minutes only.
function count(timer) {
  const ends = Date.now() + 1000 * Number(timer.dataset.left);
  const shown = timer.querySelector("[data-shown]");
  const said = timer.querySelector("[data-said]");
  const aloud = new Set([15, 10, 5, 2, 1]);
  const tick = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    const minutes = Math.ceil(left / 60);
    shown.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
    if (left > 0 && aloud.delete(minutes)) said.textContent = timer.dataset.text.replace("{n}", minutes);
    if (left === 0) {
      said.textContent = timer.dataset.over;
      clearInterval(every);
    }
  };
  const every = setInterval(tick, 1000);
}

document.addEventListener("DOMContentLoaded", () => arrived(document));
// What htmx brought is read from its beginning, as a new page is.
document.addEventListener("htmx:after:swap", () => {
  const main = document.getElementById("main");
  window.scrollTo(0, 0);
  main.focus({ preventScroll: true });
  arrived(main);
});
// A link in mail that is opened in a window that shows the page already changes
// the fragment only.
window.addEventListener("hashchange", () => {
  if (document.querySelector("input[data-token]")) location.reload();
});
