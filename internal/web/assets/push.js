// Has this browser told by push messages, where the clinic sends some.
"use strict";

// The worker that takes them stays the same, whatever the page's own files are.
const worker = "/assets/worker/push-worker.js";

async function subscribe(form) {
  const said = form.querySelector("[role=status]");
  try {
    const registration = await navigator.serviceWorker.register(worker);
    const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: form.dataset.push });
    const parts = subscription.toJSON();
    form.elements.endpoint.value = parts.endpoint;
    form.elements.p256dh.value = parts.keys.p256dh;
    form.elements.auth.value = parts.keys.auth;
  } catch {
    said.textContent = form.dataset.unused;
    return;
  }
  form.submit();
}

const form = document.querySelector("form[data-push]");
if (form && "serviceWorker" in navigator && "PushManager" in window) {
  form.hidden = false;
  document.querySelector("[data-without-push]").hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    subscribe(form);
  });
}
