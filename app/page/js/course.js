// A person's weeks with their records: which records belong to which week, and the words of a week.

import * as api from "./api.js";
import { list, t, week as weekName, word } from "./i18n.js";
import { dayOf } from "./weeks.js";

const KINDS = ["conversations", "activations", "exemptions", "presence-events", "support-efforts", "mentors"];

/** Every kind of record of a person; null for the kinds that the token may not read. Retracted ones are left out. */
export async function recordsOf(trial, participant) {
  const lists = await Promise.all(
    KINDS.map((kind) => api.nullIfHidden(api.all(api.trialPath(trial, kind), { participant_id: participant }))),
  );
  return Object.fromEntries(
    KINDS.map((kind, place) => [kind, lists[place]?.filter((each) => !each.retracted) ?? null]),
  );
}

/** The records of a week: those dated in it, and those that cover a working day of it. */
export function inWeek(records, week) {
  const [monday, friday, sunday] = [dayOf(week, 0), dayOf(week, 4), dayOf(week, 6)];
  const dated = (each) => each.date >= monday && each.date <= sunday;
  const covering = (each) => each.starts_on <= friday && (each.ends_on === null || each.ends_on >= monday);
  return Object.fromEntries(
    Object.entries(records).map(([kind, items]) => [
      kind,
      items?.filter(kind === "conversations" || kind === "presence-events" ? dated : covering) ?? null,
    ]),
  );
}

/** What the strip shows of a week, with its words. */
export function shownWeek(week, records) {
  const weekRecords = inWeek(records, week.week);
  const events = weekRecords["presence-events"] ?? [];
  const item = {
    week: week.week,
    number: week.number,
    state: week.state,
    talk: talkOf(week, weekRecords),
    offer: week.workplace_activated
      ? "workplace"
      : week.activated
        ? "active"
        : week.activation_due
          ? "due"
          : weekRecords.activations?.length
            ? "active"
            : null,
    deviations: week.deviations.length,
    partly: week.state === "counted" && Boolean(weekRecords.exemptions?.length),
    exit: events.some((each) => each.kind === "exit"),
    entry: events.some((each) => each.kind === "re_entry"),
  };
  return { ...item, label: sentence(week, weekRecords) };
}

function talkOf(week, weekRecords) {
  if (week.conversation_due && !week.conversation_held) return "missing";
  const held = weekRecords.conversations?.filter((each) => each.status === "held");
  if (!week.conversation_held && !held?.length) return null;
  return !held || held.some((each) => each.form === "in_person") ? "held" : "remote";
}

export function conversationWords(week, weekRecords) {
  const forms = [
    ...new Set(
      (weekRecords.conversations ?? [])
        .filter((each) => each.status === "held")
        .map((each) => word("ConversationForm", each.form)),
    ),
  ];
  const state = week.conversation_held
    ? t("person.held")
    : week.conversation_due
      ? t("person.missing")
      : t("person.not_due");
  return forms.length ? `${state}: ${list(forms)}` : state;
}

export function activationWords(week, weekRecords) {
  const types = [...new Set((weekRecords.activations ?? []).map((each) => word("ActivationType", each.type)))];
  const state = week.workplace_activated
    ? t("person.at_workplace")
    : week.activated
      ? t("person.active")
      : week.activation_due
        ? t("person.not_active")
        : t("person.not_due");
  return types.length ? `${state}: ${list(types)}` : state;
}

export const exemptionWords = (weekRecords) =>
  (weekRecords.exemptions ?? [])
    .map((each) => `${word("ExemptionScope", each.scope)} (${word("ExemptionGround", each.ground)})`)
    .join("; ");
export const presenceWords = (weekRecords) =>
  (weekRecords["presence-events"] ?? [])
    .map((each) =>
      [word("PresenceEventKind", each.kind), each.reason && word("ExitReason", each.reason)].filter(Boolean).join(": "),
    )
    .join("; ");
export const deviationWords = (week) => week.deviations.map((code) => word("DeviationCode", code)).join("; ");

function sentence(week, weekRecords) {
  const parts = [
    weekName(week.week),
    week.number === null ? null : `${t("person.number")} ${week.number}`,
    word("WeekState", week.state),
    `${t("person.conversation")} ${conversationWords(week, weekRecords)}`,
    `${t("person.activation")} ${activationWords(week, weekRecords)}`,
    exemptionWords(weekRecords) && `${t("person.exemption")} ${exemptionWords(weekRecords)}`,
    presenceWords(weekRecords),
    deviationWords(week) && `${t("person.deviations")} ${deviationWords(week)}`,
  ];
  return parts.filter(Boolean).join(", ");
}
