// A passkey, made or asked for by the button of the page; the server's question stands beside it as JSON.
"use strict";

(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const opened = (asked) => {
    const key = { ...asked.publicKey, challenge: bytes(asked.publicKey.challenge) };
    if (key.user) key.user = { ...key.user, id: bytes(key.user.id) };
    for (const name of ["excludeCredentials", "allowCredentials"]) {
      if (key[name]) key[name] = key[name].map((one) => ({ ...one, id: bytes(one.id) }));
    }
    return { publicKey: key };
  };

  const told = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
  };

  const show = (words) => {
    const place = document.getElementById("passkey-problem");
    place.textContent = words;
    place.hidden = false;
  };

  const run = async (button) => {
    const asked = opened(JSON.parse(document.getElementById(button.dataset.question).textContent));
    const credential = await navigator.credentials[button.dataset.passkey](asked);
    const body = { ...told(credential), name: document.getElementById("passkey-name")?.value };
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
    const answer = await fetch(button.dataset.to, { method: "POST", headers, body: JSON.stringify(body) });
    const { to, error } = await answer.json();
    if (to) location.assign(to);
    else show(error);
  };

  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.addEventListener("click", () => {
      button.disabled = true;
      run(button)
        .catch(() => show("No passkey was given. Try again, or use a code."))
        .finally(() => { button.disabled = false; });
    });
  }
})();
