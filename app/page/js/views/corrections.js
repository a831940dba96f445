// Requests for corrected CPR numbers, for the registrar: no person, no arm, no figure (domain 3.4).

import * as api from "../api.js";
import { ApiError } from "../api.js";
import { h, setChildren } from "../dom.js";
import { list, number, t, word } from "../i18n.js";
import { errorText, notice } from "../parts/notice.js";
import { facts, table } from "../parts/table.js";
import { to } from "../route.js";
import { head } from "../shell.js";

const REASONS = ["document_seen", "register_confirms", "not_plausible", "suspected_choice", "other"];
const yes = (value) => (value === null ? null : t(value ? "corrections.yes" : "corrections.no"));

/** What a registrar reads of each person, in the order of domain 3.4. */
const PERSON = [
  ["drawn_ago", (person) => word("DrawnAgo", person.drawn_ago)],
  ["digits_changed", (person) => number(person.digits_changed)],
  ["sex_changed", (person) => yes(person.sex_changed)],
  ["birth_date_changed", (person) => yes(person.birth_date_changed)],
  ["failures", (person) => list((person.failures ?? []).map((code) => word("FailureCode", code)))],
  ["number_is", (person) => person.number_is && word("NumberIs", person.number_is)],
  ["near_numbers", (person) => number(person.near_numbers)],
  ["outcome_known", (person) => yes(person.outcome_known)],
];

export function corrections({ trial, id }) {
  return id === null ? waiting(trial) : one(trial, id);
}

const nameOf = (trial, code) => trial.jobcentres.find((each) => each.code === code)?.name ?? code;
const whatOf = (request) =>
  request.reason ? word("CorrectionReason", request.reason) : word("CorrectionKind", request.kind);
const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

async function waiting(trial) {
  const items = await api.all(api.trialPath(trial.id, "cpr-corrections"), { status: "waiting" });
  const link = (row) =>
    h("a", { href: to([trial.id, "corrections", row.id]) }, `${nameOf(trial, row.jobcentre)}, ${whatOf(row)}`);
  const ofAll = (key) => (row) => list(row.people.map((person) => PERSON.find(([each]) => each === key)[1](person)));
  const columns = [
    { key: "request", label: t("corrections.request"), head: true, value: (row) => nameOf(trial, row.jobcentre), show: link },
    ...["drawn_ago", "digits_changed", "number_is"].map((key) => ({
      key,
      label: t(`corrections.${key}`),
      value: ofAll(key),
    })),
    {
      key: "requests_of_jobcentre",
      label: t("corrections.requests_of_jobcentre"),
      kind: "number",
      value: (row) => row.requests_of_jobcentre,
      show: (row) => number(row.requests_of_jobcentre),
    },
  ];
  const title = t("corrections.title");
  return [
    head(trial.title, title, t("corrections.lead", { n: items.length })),
    items.length ? table({ caption: title, columns, rows: items, wide: true }) : notice(t("corrections.none")),
  ];
}

async function one(trial, id) {
  const { body: request, tag } = await api.getTagged(api.trialPath(trial.id, "cpr-corrections", id));
  const columns = [
    { key: "what", label: t("corrections.what"), head: true, value: ([key]) => t(`corrections.${key}`) },
    ...request.people.map((person, place) => ({
      key: `person-${place}`,
      label: request.people.length > 1 ? t("corrections.person", { n: place + 1 }) : t("corrections.value"),
      value: ([, show]) => show(person),
    })),
  ];
  return [
    head(nameOf(trial, request.jobcentre), capitalised(whatOf(request)), t("corrections.one_lead")),
    facts([
      [t("corrections.status"), word("CorrectionStatus", request.status)],
      [t("corrections.requests_of_jobcentre"), number(request.requests_of_jobcentre)],
      [t("corrections.told_by_nobody_else"), number(request.told_by_nobody_else)],
    ]),
    table({ caption: t("corrections.what"), columns, rows: PERSON, wide: true }),
    request.status === "waiting" ? form(trial, request, tag) : null,
    h("p", null, h("a", { href: to([trial.id, "corrections"]) }, t("corrections.back"))),
  ];
}

function form(trial, request, tag) {
  const verdict = h("div", { role: "status" });
  const option = (decision) =>
    h(
      "label",
      { class: "check" },
      h("input", { type: "radio", name: "decision", value: decision, required: true }),
      t(`corrections.${decision}`),
    );
  const reason = h(
    "select",
    { id: "reason", required: true },
    h("option", { value: "" }, t("corrections.choose")),
    REASONS.map((code) => h("option", { value: code }, word("CorrectionDecisionReason", code))),
  );
  const button = h("button", { type: "submit", class: "strong" }, t("corrections.decide"));
  const decide = async (event) => {
    event.preventDefault();
    button.disabled = true;
    const decision = new FormData(event.target).get("decision");
    try {
      const path = api.trialPath(trial.id, "cpr-corrections", request.id, "decision");
      await api.post(path, { decision, reason: reason.value }, { "If-Match": tag });
      setChildren(fields, h("p", null, t(`corrections.done_${decision}`)));
    } catch (error) {
      button.disabled = false;
      if (error instanceof ApiError && error.status === 401)
        return void window.dispatchEvent(new CustomEvent("signed-out"));
      const again = h("button", { type: "button", onclick: readAgain }, t("corrections.again"));
      setChildren(verdict, notice(refusal(error), h("p", null, again)));
    }
    api.clearCache();
  };
  const fields = h(
    "div",
    null,
    h("fieldset", null, h("legend", { class: "unseen" }, t("corrections.decision")), option("accepted"), option("refused")),
    h("p", { class: "choice" }, h("label", { for: "reason" }, t("corrections.reason")), reason),
    h("p", { class: "act" }, button),
  );
  return h("form", { class: "card decision", onsubmit: decide }, h("h2", null, t("corrections.form")), fields, verdict);
}

const readAgain = () => window.dispatchEvent(new HashChangeEvent("hashchange"));

/** What the registrar reads when a decision is not taken. */
function refusal(error) {
  const known = { precondition_failed: "changed", number_taken: "taken", already_decided: "already" };
  const key = error instanceof ApiError ? known[error.code] : undefined;
  return key ? t(`corrections.${key}`) : errorText(error);
}
