// The list of trials.

import * as api from "../api.js";
import { h } from "../dom.js";
import { date, number, t } from "../i18n.js";
import { facts } from "../parts/table.js";
import { notice } from "../parts/notice.js";
import { to } from "../route.js";
import { head } from "../shell.js";

export async function trials() {
  const items = await api.all("v1/trials");
  if (!items.length) return [head(null, t("trials.title")), notice(t("trials.none"))];
  return [
    head(null, t("trials.title"), t("trials.lead", { n: items.length })),
    h("ul", { class: "trials" }, items.map(entry)),
  ];
}

function entry(trial) {
  return h(
    "li",
    { class: "card" },
    h("h2", null, h("a", { href: to([trial.id]) }, trial.title)),
    h(
      "p",
      { class: "badges" },
      trial.pilot ? h("span", { class: "badge" }, t("trials.pilot")) : null,
      h("span", { class: "badge" }, trial.closed ? t("trials.closed") : t("trials.open")),
    ),
    facts([
      [t("trials.intake"), `${date(trial.intake_from)} – ${date(trial.intake_to)}`],
      [t("trials.ends"), date(trial.ends_on)],
      [t("trials.jobcentres"), number(trial.jobcentres.length)],
      [t("trials.protocol"), trial.protocol],
    ]),
  );
}
