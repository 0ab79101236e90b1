/**
 * Asks the browser for a passkey and sends its answer in the form (WebAuthn L3 §5.1). What browsers before 2025 lack,
 * reading options from JSON and writing the answer as JSON, is done by hand. A challenge lives five minutes and a page
 * longer: after four it is fetched anew, when the button is pressed and for what the browser offers by itself. Where
 * the sign-in that waits would be over with it, nobody is asked for a passkey that could not be used.
 */
export const passkeyScript = `
const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const textOf = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (list) => list?.map((one) => ({ ...one, id: bytesOf(one.id) }));
const optionsOf = (isNew, json) => {
  const parse = isNew ? PublicKeyCredential.parseCreationOptionsFromJSON : PublicKeyCredential.parseRequestOptionsFromJSON;
  if (parse) return parse.call(PublicKeyCredential, json);
  const options = { ...json, challenge: bytesOf(json.challenge) };
  if (!isNew) return { ...options, allowCredentials: named(json.allowCredentials) };
  return { ...options, user: { ...json.user, id: bytesOf(json.user.id) }, excludeCredentials: named(json.excludeCredentials) };
};
const answerOf = (credential) => {
  if (credential.toJSON) return credential.toJSON();
  const { id, type, authenticatorAttachment, response } = credential;
  const texts = { transports: response.getTransports?.() };
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
    if (response[name]) texts[name] = textOf(response[name]);
  return { id, rawId: id, type, authenticatorAttachment, clientExtensionResults: {}, response: texts };
};
const sayings = {
  InvalidStateError: "This device has a passkey for your account already.",
  NotAllowedError: "Nothing was done: it was cancelled, or took too long. You can try again.",
  stale: "This page has been open for too long. Load it again, then try once more.",
};
let waiting = new AbortController();
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!globalThis.PublicKeyCredential) form.hidden = true;
  else {
    const isNew = form.dataset.passkey === "create";
    const options = JSON.parse(form.dataset.options);
    let madeAt = Date.now();
    const renew = async () => {
      const path = form.dataset.renew;
      if (Date.now() - madeAt < (path ? 240000 : 290000)) return;
      const answer = path && (await fetch(path, { redirect: "error" }).catch(() => {}));
      if (!answer?.ok) throw { name: "stale" };
      options.challenge = await answer.text();
      madeAt = Date.now();
    };
    const submit = form.querySelector("button:not([type=button])");
    const wrong = form.querySelector(".wrong");
    const ask = async (more) => {
      waiting.abort();
      const { signal } = (waiting = new AbortController());
      await renew();
      const asked = { publicKey: optionsOf(isNew, options), signal, ...more };
      const credential = await (isNew ? navigator.credentials.create(asked) : navigator.credentials.get(asked));
      form.elements.credential.value = JSON.stringify(answerOf(credential));
      form.submit();
    };
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      wrong.hidden = true;
      ask({}).catch(({ name }) => {
        wrong.textContent = sayings[name] ?? "This browser could not use a passkey here.";
        wrong.hidden = false;
        submit.removeAttribute("aria-busy");
      });
    });
    if ("conditional" in form.dataset)
      PublicKeyCredential.isConditionalMediationAvailable?.().then((can) => {
        if (!can) return;
        const offer = () => document.hidden || submit.hasAttribute("aria-busy") || ask({ mediation: "conditional" }).catch(() => {});
        offer();
        setInterval(offer, 240000);
        document.addEventListener("visibilitychange", offer);
      });
  }
}
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
    button.textContent = "Copied";
  });
}
`;
