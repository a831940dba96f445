// The draw: fingerprint, seed once it is published, and recomputation of every draw.

import * as api from "../api.js";
import { h, setChildren } from "../dom.js";
import { t, word } from "../i18n.js";
import { possible, verify } from "../verify.js";
import { notice, errorText } from "./notice.js";
import { facts } from "./table.js";

export function draws(trial, protocol) {
  const limit = protocol.parameters.imbalance_limit?.value;
  const title = h("h2", null, t("trial.draws"));
  if (limit === undefined) return h("section", { class: "figure" }, title, h("p", null, t("trial.draws_no_draw")));
  const code = (text) => h("code", null, text);
  const published = facts([
    [t("trial.draws_commitment"), code(trial.seed_commitment)],
    trial.seed ? [t("trial.draws_seed"), code(trial.seed)] : null,
  ]);
  const text = h("p", { class: "figure-text" }, t(trial.closed ? "trial.draws_closed" : "trial.draws_open"));
  return h("section", { class: "figure" }, title, text, published, trial.seed ? check(trial, limit) : null);
}

function check(trial, limit) {
  if (!possible()) return notice(t("trial.draws_insecure"));
  const verdict = h("div", { role: "status" });
  const button = h("button", { type: "button" }, t("trial.draws_verify"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    setChildren(verdict, h("p", { class: "loading" }, t("trial.draws_working")));
    try {
      const draws = await api.all(api.trialPath(trial.id, "draws"));
      setChildren(verdict, resultOf(trial, await verify(trial, limit, draws)));
    } catch (error) {
      setChildren(verdict, notice(errorText(error)));
    }
    button.disabled = false;
  });
  return [h("p", { class: "act" }, button), verdict];
}

function resultOf(trial, { draws: n, faults }) {
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
