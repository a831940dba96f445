// Explanations of deviations and tasks: the rule, the protocol's parameters and their sources.

import { h } from "./dom.js";
import { list, t, word } from "./i18n.js";
import { facts } from "./parts/table.js";

/** The section of the register's rules (domain text) and the protocol's parameters behind each code. */
const RULES = {
  DeviationCode: {
    conversation_missing: ["4.5", "cadence", "accepted_forms", "accepted_conductors"],
    remote_too_early: ["4.5", "in_person_weeks", "remote_grounds"],
    remote_too_often: ["4.5", "remote_share_max", "remote_grounds"],
    mentor_only: ["4.5", "accepted_conductors"],
    wrong_place: ["4.5", "in_person_weeks", "judges_workplace"],
    started_late: ["4.5"],
    activation_missing: ["4.6", "activation_due_week"],
    hours_too_few: ["4.6", "min_weekly_hours", "reduced_hours_reasons"],
    not_at_workplace: ["4.6", "judges_workplace", "sufficient_not_workplace_reasons"],
    mentor_missing: ["4.6", "judges_workplace"],
    event_without_effect: ["4.1"],
    no_justification: ["6", "requires_justification"],
  },
  WorklistReason: {
    no_conversation_this_week: ["4.5", "cadence", "accepted_forms"],
    no_conversation_yet: ["4.5", "accepted_forms"],
    activation_to_arrange: ["4.4", "activation_due_week", "min_weekly_hours"],
    remote_used_up: ["4.5", "remote_share_max"],
    exemption_ends: ["4.2"],
    no_contact_person: ["4.7"],
  },
};

const LISTS = {
  accepted_forms: "ConversationForm",
  accepted_conductors: "ConductedBy",
  remote_grounds: "RemoteGround",
  reduced_hours_reasons: "ReducedHoursReason",
  sufficient_not_workplace_reasons: "NotWorkplaceReason",
};

function shown(name, value) {
  if (Array.isArray(value)) return value.length ? list(value.map((code) => word(LISTS[name], code))) : t("none");
  if (typeof value === "boolean") return t(value ? "rule.yes" : "rule.no");
  if (value === "weekly") return t("rule.every");
  return String(value);
}

export const section = (kind, code) => RULES[kind]?.[code]?.[0] ?? null;

/** The sentence, the section and the parameters behind a code. */
export function explanation(kind, code, protocol) {
  const [where, ...names] = RULES[kind]?.[code] ?? [null];
  const parameters = names.filter((name) => protocol?.parameters?.[name] !== undefined);
  return h(
    "div",
    { class: "rule" },
    h("p", null, t(`explain.${kind}.${code}`)),
    facts(
      parameters.map((name) => {
        const { value, source } = protocol.parameters[name];
        return [t(`parameter.${name}`), [shown(name, value), h("span", { class: "source" }, source)]];
      }),
    ),
    where ? h("p", { class: "source" }, t("rule.section", { section: where })) : null,
  );
}

/** A code with its explanation to open. */
export function explained(kind, code, protocol, ...more) {
  return h(
    "details",
    { class: `why ${kind}` },
    h("summary", null, word(kind, code)),
    explanation(kind, code, protocol),
    more,
  );
}
