// Passkeys. A page has a hidden form for each thing that one does with a passkey,
// and is whole without: it is shown where the browser knows passkeys, and sent
// with what the passkey answered.
"use strict";

// ask returns what a passkey is to answer: what stands in the form, or what the
// API offers.
async function ask(form) {
  if (form.dataset.options) {
    const answer = await fetch(form.dataset.options, { method: "POST", credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) throw new Error("refused");
    return await answer.json();
  }
  return { challenge: form.elements.challenge.value, public_key: JSON.parse(form.dataset.create) };
}

async function answer(form) {
  const said = form.querySelector("[role=status]");
  said.textContent = "";
  let asked;
  try {
    asked = await ask(form);
  } catch {
    said.textContent = form.dataset.unreachable;
    return;
  }
  try {
    const credential = form.dataset.create
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.public_key) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.public_key) });
    form.elements.challenge.value = asked.challenge;
    form.elements.credential.value = JSON.stringify(credential.toJSON());
  } catch {
    said.textContent = form.dataset.unused;
    return;
  }
  form.submit();
}

if (window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer(form);
    });
  }
  for (const other of document.querySelectorAll("[data-without-passkey]")) other.hidden = true;
}
