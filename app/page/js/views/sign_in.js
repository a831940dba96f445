// Sign-in: with the issuer if one is configured, or with a token.

import { h } from "../dom.js";
import { t } from "../i18n.js";
import * as oidc from "../oidc.js";
import * as session from "../session.js";
import { head } from "../shell.js";

/** `message` says why the person has to sign in again; `done` is called after signing in. */
export function signIn(configured, message, done) {
  const fault = h("p", { class: "fault", role: "alert", id: "fault" }, message ?? "");
  const toIssuer = () => oidc.start(configured).catch(() => (fault.textContent = t("sign_in.unreachable")));
  return [
    head("rettevej", t("sign_in.title"), t("sign_in.lead")),
    h(
      "div",
      { class: "sign-in" },
      fault,
      configured.issuer
        ? h(
            "div",
            { class: "card" },
            h("p", null, t("sign_in.with_issuer_text")),
            h("button", { type: "button", class: "strong", onclick: toIssuer }, t("sign_in.with_issuer")),
          )
        : null,
      configured.issuer
        ? h("details", { class: "card" }, h("summary", null, t("sign_in.token_or")), tokenForm(fault, done))
        : h("div", { class: "card" }, tokenForm(fault, done)),
    ),
  ];
}

function tokenForm(fault, done) {
  const field = h("textarea", {
    id: "token",
    rows: "5",
    spellcheck: "false",
    autocomplete: "off",
    required: true,
    "aria-describedby": "token-text fault",
  });
  const submit = (event) => {
    event.preventDefault();
    const token = field.value.trim();
    if (!session.readable(token)) {
      fault.textContent = t("sign_in.not_a_token");
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return;
    }
    session.signIn(token);
    done();
  };
  return h(
    "form",
    { onsubmit: submit },
    h("label", { for: "token" }, t("sign_in.token")),
    h("p", { id: "token-text", class: "hint" }, t("sign_in.token_text")),
    field,
    h("button", { type: "submit", class: "strong" }, t("sign_in.submit")),
    h(
      "p",
      { class: "hint" },
      h("code", null, t("sign_in.more")),
      " ",
      t("sign_in.more_text"),
      " ",
      h("code", null, "rettevej token case-system --jobcentre 849"),
    ),
  );
}
