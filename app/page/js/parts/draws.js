// The draw: its fingerprint, its seed once it is shown, and every draw computed anew.

import * as api from "../api.js";
import { h, put } from "../dom.js";
import { t, word } from "../i18n.js";
import { possible, verify } from "../verify.js";
import { notice, sentenceOf } from "./notice.js";
import { facts } from "./table.js";

export function draws(trial, protocol) {
  const limit = protocol.parameters.imbalance_limit?.value;
  const title = h("h2", null, t("trial.draws"));
  if (limit === undefined) return h("section", { class: "figure" }, title, h("p", null, t("trial.draws_no_draw")));
  const code = (text) => h("code", null, text);
  const known = facts([
    [t("trial.draws_commitment"), code(trial.seed_commitment)],
    trial.seed ? [t("trial.draws_seed"), code(trial.seed)] : null,
  ]);
  const text = h("p", { class: "figure-text" }, t(trial.closed ? "trial.draws_closed" : "trial.draws_open"));
  return h("section", { class: "figure" }, title, text, known, trial.seed ? check(trial, limit) : null);
}

function check(trial, limit) {
  if (!possible()) return notice(t("trial.draws_insecure"));
  const verdict = h("div", { role: "status" });
  const button = h("button", { type: "button" }, t("trial.draws_verify"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    put(verdict, h("p", { class: "loading" }, t("trial.draws_working")));
    try {
      put(verdict, told(trial, await verify(trial, limit, await api.all(api.inTrial(trial.id, "draws")))));
    } catch (error) {
      put(verdict, notice(sentenceOf(error)));
    }
    button.disabled = false;
  });
  return [h("p", { class: "act" }, button), verdict];
}

function told(trial, { draws: n, faults }) {
  if (!faults.length) return notice(t("trial.draws_right", { n }));
  const name = (code) => trial.jobcentres.find((each) => each.code === code)?.name ?? code;
  const arm = (code) => code && word("Arm", code);
  const sentence = (each) =>
    t(`trial.draws_${each.code}`, {
      jobcentre: name(each.jobcentre),
      position: String(each.position),
      published: arm(each.published),
      computed: arm(each.computed),
    });
  return h(
    "div",
    { class: "fault" },
    h("p", null, t("trial.draws_wrong", { n: faults.length })),
    h(
      "ul",
      null,
      faults.map((each) => h("li", null, sentence(each))),
    ),
  );
}
