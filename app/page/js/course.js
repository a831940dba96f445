// A person's weeks together with what is recorded of them: which records lie in which week, and how a week reads.

import * as api from "./api.js";
import { list, t, week as weekName, word } from "./i18n.js";
import { dayOf } from "./weeks.js";

const KINDS = ["conversations", "activations", "exemptions", "presence-events", "support-efforts", "mentors"];

/** Every kind of record of a person; null for the kinds that the token may not read. Retracted ones are left out. */
export async function recordsOf(trial, participant) {
  const lists = await Promise.all(
    KINDS.map((kind) => api.orNull(api.all(api.inTrial(trial, kind), { participant_id: participant }))),
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
  const found = inWeek(records, week.week);
  const events = found["presence-events"] ?? [];
  const item = {
    week: week.week,
    number: week.number,
    state: week.state,
    talk: talkOf(week, found),
    offer: week.workplace_activated
      ? "workplace"
      : week.activated
        ? "active"
        : week.activation_due
          ? "due"
          : found.activations?.length
            ? "active"
            : null,
    deviations: week.deviations.length,
    partly: week.state === "counted" && Boolean(found.exemptions?.length),
    exit: events.some((each) => each.kind === "exit"),
    entry: events.some((each) => each.kind === "re_entry"),
  };
  return { ...item, label: sentence(week, found) };
}

function talkOf(week, found) {
  if (week.conversation_due && !week.conversation_held) return "missing";
  const held = found.conversations?.filter((each) => each.status === "held");
  if (!week.conversation_held && !held?.length) return null;
  return !held || held.some((each) => each.form === "in_person") ? "held" : "remote";
}

export function conversationWords(week, found) {
  const forms = [
    ...new Set(
      (found.conversations ?? [])
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

export function activationWords(week, found) {
  const types = [...new Set((found.activations ?? []).map((each) => word("ActivationType", each.type)))];
  const state = week.workplace_activated
    ? t("person.at_workplace")
    : week.activated
      ? t("person.active")
      : week.activation_due
        ? t("person.not_active")
        : t("person.not_due");
  return types.length ? `${state}: ${list(types)}` : state;
}

export const exemptionWords = (found) =>
  (found.exemptions ?? [])
    .map((each) => `${word("ExemptionScope", each.scope)} (${word("ExemptionGround", each.ground)})`)
    .join("; ");
export const presenceWords = (found) =>
  (found["presence-events"] ?? [])
    .map((each) =>
      [word("PresenceEventKind", each.kind), each.reason && word("ExitReason", each.reason)].filter(Boolean).join(": "),
    )
    .join("; ");
export const deviationWords = (week) => week.deviations.map((code) => word("DeviationCode", code)).join("; ");

function sentence(week, found) {
  const parts = [
    weekName(week.week),
    week.number === null ? null : `${t("person.number")} ${week.number}`,
    word("WeekState", week.state),
    `${t("person.conversation")} ${conversationWords(week, found)}`,
    `${t("person.activation")} ${activationWords(week, found)}`,
    exemptionWords(found) && `${t("person.exemption")} ${exemptionWords(found)}`,
    presenceWords(found),
    deviationWords(week) && `${t("person.deviations")} ${deviationWords(week)}`,
  ];
  return parts.filter(Boolean).join(", ");
}
