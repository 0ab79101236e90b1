import { passkeyScript } from "./page-script-passkeys.ts";

/**
 * What JavaScript adds, and no page needs: a password can be looked at while it is typed, and a form that was sent is not
 * sent again by a second click; a form that carries an answer back to an application goes by itself. A passkey alone needs it.
 */
export const pageScript = `"use strict";
for (const input of document.querySelectorAll(".secret input")) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-controls", input.id);
  const show = (isShown) => {
    input.type = isShown ? "text" : "password";
    button.textContent = isShown ? "Hide" : "Show";
    button.setAttribute("aria-label", isShown ? "Hide password" : "Show password");
  };
  button.addEventListener("click", () => show(input.type === "password"));
  input.form.addEventListener("submit", () => show(false));
  show(false);
  input.after(button);
}
for (const form of document.forms) {
  const submit = form.querySelector("button:not([type=button])");
  form.addEventListener("submit", (event) => {
    if (submit?.hasAttribute("aria-busy")) event.preventDefault();
    submit?.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => submit?.removeAttribute("aria-busy"));
}
document.querySelector("form[data-at-once]")?.submit();
${passkeyScript}`;
