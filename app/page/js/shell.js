// The frame of every view: navigation, language, theme, sign-out.

import { add, h, setChildren } from "./dom.js";
import * as i18n from "./i18n.js";
import { moment, t } from "./i18n.js";
import * as route from "./route.js";
import * as session from "./session.js";
import { s } from "./dom.js";

export const main = h("main", { id: "main", tabindex: "-1" });
const header = h("header", { class: "masthead" });
const footer = h("footer", { class: "foot" });
const status = h("p", { class: "unseen", role: "status", "aria-live": "polite" });
const skip = h("a", { class: "skip", href: "#main", onclick: toContent });

function toContent(event) {
  event.preventDefault(); // the address belongs to the view
  main.focus();
}

export function install() {
  document.body.append(skip, header, main, footer, status);
}

/** Announces a text to screen readers. */
export const announce = (text) => {
  status.textContent = text;
};

function logo() {
  return s(
    "svg",
    { class: "logo", viewBox: "0 0 32 32", width: 30, height: 30, "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 7 }),
    s("path", { d: "M5 25 13 8l4.5 9L27 8" }),
  );
}

function themePicker() {
  const chosen = document.documentElement.dataset.theme ?? "auto";
  const pick = (event) => {
    const theme = event.target.value;
    if (theme === "auto") {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("rettevej.theme");
    } else {
      document.documentElement.dataset.theme = theme;
      localStorage.setItem("rettevej.theme", theme);
    }
  };
  const options = ["auto", "light", "dark"].map((each) => h("option", { value: each }, t(`shell.themes.${each}`)));
  return h(
    "span",
    { class: "choice" },
    h("label", { for: "theme", class: "unseen" }, t("shell.theme")),
    h("select", { id: "theme", value: chosen, onchange: pick }, options),
  );
}

function languages() {
  return h(
    "span",
    { class: "languages", role: "group", "aria-label": t("shell.language") },
    [
      ["da", "Dansk"],
      ["en", "English"],
    ].map(([code, name]) =>
      h(
        "a",
        {
          href: route.withQuery({ lang: code }),
          lang: code,
          hreflang: code,
          "aria-current": i18n.current() === code ? "true" : null,
        },
        name,
      ),
    ),
  );
}

/** Header and footer around a view. `trial` is the trial's description, or null outside of one. */
export function draw({ trial, view, query, onSignOut, onReload }) {
  skip.textContent = t("shell.skip");
  const carried = { week: query.get("week") };
  const pages =
    trial === null
      ? []
      : session.decidesCorrections()
        ? [["corrections", t("shell.corrections")]]
        : [
          ["region", t("shell.region")],
          ["jobcentre", t("shell.jobcentre")],
          ["trial", t("shell.trial")],
        ];
  const here = view === "person" ? "jobcentre" : view;
  setChildren(
    header,
    h(
      "div",
      { class: "masthead-row" },
      h("a", { class: "brand", href: route.to([]) }, logo(), h("span", null, "rettevej")),
      h(
        "div",
        { class: "settings", role: "group", "aria-label": t("shell.settings") },
        languages(),
        themePicker(),
        session.signedIn()
          ? h(
              "button",
              {
                type: "button",
                class: "quiet",
                title: t("shell.signed_in", { name: session.name() }),
                onclick: onSignOut,
              },
              t("shell.sign_out"),
            )
          : null,
      ),
    ),
    trial === null
      ? null
      : h(
          "div",
          { class: "trial-row" },
          h(
            "p",
            { class: "trial-name" },
            h("a", { href: route.to([]) }, t("shell.trials")),
            h("span", { class: "slash", "aria-hidden": "true" }, "/"),
            trial.title,
          ),
          h(
            "nav",
            { "aria-label": t("shell.nav") },
            h(
              "ul",
              null,
              pages.map(([page, name]) =>
                h(
                  "li",
                  null,
                  h(
                    "a",
                    { href: route.to([trial.id, page], carried), "aria-current": here === page ? "page" : null },
                    name,
                  ),
                ),
              ),
            ),
          ),
        ),
  );
  setChildren(
    footer,
    h("p", null, t("shell.footer"), " ", h("a", { href: "docs" }, t("shell.docs")), "."),
    h("p", { id: "watermark" }),
    session.signedIn() && trial !== null
      ? h(
          "p",
          { class: "foot-tools" },
          h("button", { type: "button", class: "quiet", onclick: onReload }, t("shell.reload")),
          h("button", { type: "button", class: "quiet", onclick: () => print() }, t("shell.print")),
        )
      : null,
  );
}

/** Shows the watermark: the latest registration that the figures contain. */
export function showWatermark(watermark) {
  const place = document.getElementById("watermark");
  if (place && watermark) setChildren(place, t("shell.watermark", { moment: moment(watermark) }));
}

/** Builds the head of a view: a heading that takes the focus, and a sentence. */
export function head(kicker, title, ...lead) {
  const place = h("div", { class: "view-head" });
  add(place, [
    kicker ? h("p", { class: "kicker" }, kicker) : null,
    h("h1", { tabindex: "-1" }, title),
    h("p", { class: "lead" }, lead),
  ]);
  return place;
}
