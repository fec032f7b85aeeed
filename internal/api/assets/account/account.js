// The script of all account pages. Each has one form, whose fields are sent to the
// API as JSON, and says what came of it.
"use strict";

const form = document.querySelector("form");
const button = form.querySelector("button");
const said = document.getElementById("said");
const done = document.getElementById("done");
const missing = document.getElementById("missing");
const title = document.title;
let token = "";

// begin takes the token out of the address bar, so that it stays in no history
// and is on no picture of the screen, and shows the form. A second link that is
// opened in the same window changes the fragment only, and begins anew.
function begin() {
  if (location.hash.length > 1) {
    token = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
  }
  clear();
  done.hidden = true;
  form.hidden = "token" in form.dataset && token === "";
  if (missing) missing.hidden = !form.hidden;
}

function clear() {
  document.title = title;
  said.replaceChildren();
  said.className = "";
  for (const field of form.querySelectorAll("input")) {
    field.removeAttribute("aria-invalid");
    document.getElementById(field.id + "-wrong").textContent = "";
  }
}

function paragraph(text) {
  const p = document.createElement("p");
  p.textContent = text;
  return p;
}

// unfinished lists the fields that need not be sent to be known as wrong, in the
// browser's words.
function unfinished() {
  const wrong = [];
  for (const field of form.querySelectorAll("input")) {
    const model = document.getElementById(field.dataset.same);
    field.setCustomValidity(model && model.value !== field.value ? "The two passwords are not the same." : "");
    if (!field.checkValidity()) wrong.push({ field, message: field.validationMessage });
  }
  return wrong;
}

// body is what is sent: the fields that have a name, without those left empty.
function body() {
  const content = "token" in form.dataset ? { token } : {};
  if (form.dataset.session) content.session = form.dataset.session;
  for (const field of form.querySelectorAll("input[name]")) {
    if (field.value !== "" || field.required) content[field.name] = field.value;
  }
  return JSON.stringify(content);
}

async function submit(event) {
  event.preventDefault();
  clear();
  const wrong = unfinished();
  if (wrong.length > 0) {
    refuse("Please look at this again.", wrong);
    return;
  }
  button.disabled = true;
  said.replaceChildren(paragraph("One moment …"));
  try {
    const answer = await fetch(form.dataset.path, {
      credentials: form.dataset.session ? "same-origin" : "omit", // a cookie is taken where one is asked for
      method: "POST", headers: { "Content-Type": "application/json" }, body: body(), cache: "no-store",
    });
    if (answer.ok) finish();
    else await explain(answer);
  } catch {
    refuse("The server can't be reached. Look whether you are connected, then try again.", []);
  } finally {
    button.disabled = false;
  }
}

function finish() {
  token = "";
  form.reset();
  form.hidden = true;
  clear();
  document.title = "Done: " + title;
  done.hidden = false;
  done.focus();
}

// explain says what a problem document says. A page may have better words for a
// code, in an element with that id.
async function explain(answer) {
  const problem = await answer.json().catch(() => ({})); // what is between us and the server may answer with anything
  const better = document.getElementById(problem.code || "");
  let text = better ? better.textContent : problem.detail || "The server can't do this at the moment. Try again later.";
  const wait = Number(answer.headers.get("Retry-After"));
  if (wait > 0) text += " Try again in " + (wait === 1 ? "a second." : wait + " seconds.");
  const wrong = [];
  for (const { location, message } of problem.errors || []) {
    const field = form.querySelector('input[name="' + CSS.escape(location.replace("body.", "")) + '"]');
    if (field) wrong.push({ field, message });
    else text += " " + message;
  }
  refuse(text, wrong);
}

// refuse says what is wrong: all of it first, with a way to each field, and once
// more at the field.
function refuse(text, wrong) {
  clear();
  document.title = "Error: " + title;
  const list = document.createElement("ul");
  for (const { field, message } of wrong) {
    field.setAttribute("aria-invalid", "true");
    document.getElementById(field.id + "-wrong").textContent = message;
    const way = document.createElement("a");
    way.href = "#" + field.id;
    way.textContent = field.labels[0].textContent + ": " + message;
    way.addEventListener("click", (event) => {
      event.preventDefault(); // a fragment is a token here
      field.focus();
    });
    const item = document.createElement("li");
    item.append(way);
    list.append(item);
  }
  said.className = "refused";
  said.replaceChildren(paragraph(text), ...(wrong.length > 0 ? [list] : []));
  said.focus();
}

// offerZones fills in the zone of this machine, and lists the others.
function offerZones() {
  const field = document.getElementById("time_zone");
  if (!field) return;
  field.value = field.defaultValue = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  const zones = Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : [];
  document.getElementById("zones").replaceChildren(...zones.map((zone) => new Option(zone, zone)));
}

form.addEventListener("submit", submit);
window.addEventListener("hashchange", begin);
offerZones();
begin();
