// Signing in without a password: with a passkey, or at an identity provider. It
// uses what account.js has.
"use strict";

// departure is where the challenge waits, in this window alone, while its user is
// at an identity provider: who comes back elsewhere can't use it.
const departure = "departure";

// call returns what the API answers, and null after saying why it does not.
async function call(method, path, content) {
  try {
    const answer = await fetch(path, {
      method, headers: { "Content-Type": "application/json" }, body: content && JSON.stringify(content), credentials: "same-origin", cache: "no-store",
    });
    if (answer.ok) return await answer.json();
    await explain(answer);
  } catch {
    refuse("The server can't be reached. Look whether you are connected, then try again.", []);
  }
  return null;
}

// leave goes to sign in at a provider.
async function leave(provider) {
  const way = await call("POST", "/v1/auth/provider-options", { provider });
  if (!way) return;
  sessionStorage.setItem(departure, way.challenge);
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
    refuse("You were not signed in there. Begin again.", []);
    return;
  }
  if (came.has("iss")) content.iss = came.get("iss");
  if (await call("POST", "/v1/auth/provider", content)) finish();
}

// usePasskey has a passkey answer a challenge.
async function usePasskey() {
  const asked = await call("POST", "/v1/auth/passkey-options");
  if (!asked) return;
  let credential;
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.public_key);
    credential = await navigator.credentials.get({ publicKey });
  } catch {
    refuse("No passkey was used.", []);
    return;
  }
  if (await call("POST", "/v1/auth/passkey", { challenge: asked.challenge, credential: credential.toJSON(), session: "cookie" })) finish();
}

function offer(text, act) {
  const other = document.createElement("button");
  other.type = "button";
  other.textContent = text;
  other.addEventListener("click", async () => {
    clear();
    other.disabled = true;
    await act();
    other.disabled = false;
  });
  document.getElementById("others").append(other, " ");
}

async function offerOthers() {
  if (window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) offer("Use a passkey", usePasskey);
  const providers = await call("GET", "/v1/auth/providers?limit=100");
  for (const { name } of providers ? providers.items : []) offer("Sign in at " + name, () => leave(name));
}

offerOthers().then(arrive);
