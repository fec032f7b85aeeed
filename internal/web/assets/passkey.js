// Signing in without a password: with a passkey, or at an identity provider. The
// page is whole without it; it puts buttons where there is room for them.
"use strict";

const others = document.getElementById("others");
const said = document.getElementById("others-said");

// departure is where the challenge waits, in this window alone, while its user is
// at an identity provider: who comes back elsewhere can't use it.
const departure = "departure";

// call returns what the API answers, and null after saying why it does not.
async function call(path, content) {
  said.textContent = "";
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: content && JSON.stringify(content), credentials: "same-origin", cache: "no-store",
    });
    if (answer.ok) return await answer.json();
    const problem = await answer.json().catch(() => ({}));
    said.textContent = problem.detail || others.dataset.unreachable;
  } catch {
    said.textContent = others.dataset.unreachable;
  }
  return null;
}

function finish() { location.assign(sessionStorage.getItem("next") || others.dataset.next || "/"); }

// leave goes to sign in at a provider.
async function leave(provider) {
  const way = await call("/v1/auth/provider-options", { provider });
  if (!way) return;
  sessionStorage.setItem(departure, way.challenge);
  sessionStorage.setItem("next", others.dataset.next);
  location.assign(way.url);
}

// arrive signs in who came back from a provider.
async function arrive() {
  const came = new URLSearchParams(location.search);
  if (!came.has("state")) return;
  history.replaceState(null, "", location.pathname);
  const content = { challenge: sessionStorage.getItem(departure), state: came.get("state"), code: came.get("code"), session: "cookie" };
  sessionStorage.removeItem(departure);
  if (!content.challenge || !content.code) {
    said.textContent = others.dataset.unused;
    return;
  }
  if (came.has("iss")) content.iss = came.get("iss");
  if (await call("/v1/auth/provider", content)) finish();
}

// usePasskey has a passkey answer a challenge.
async function usePasskey() {
  const asked = await call("/v1/auth/passkey-options");
  if (!asked) return;
  let credential;
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.public_key);
    credential = await navigator.credentials.get({ publicKey });
  } catch {
    said.textContent = others.dataset.unused;
    return;
  }
  if (await call("/v1/auth/passkey", { challenge: asked.challenge, credential: credential.toJSON(), session: "cookie" })) finish();
}

if (window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "second";
  button.textContent = others.dataset.passkey;
  button.addEventListener("click", usePasskey);
  others.prepend(button);
}
for (const button of others.querySelectorAll("[data-provider]")) button.addEventListener("click", () => leave(button.dataset.provider));
others.hidden = others.children.length === 0;
arrive();
