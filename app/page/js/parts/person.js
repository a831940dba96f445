// Parts of a person's view: one week, the meter, what comes next, every deviation.

import * as api from "../api.js";
import { meter } from "../charts/strip.js";
import { inWeek } from "../course.js";
import { h } from "../dom.js";
import { isOver } from "../figures.js";
import { date, decimal, shortWeek, t, week as weekName, word } from "../i18n.js";
import { explained } from "../rules.js";
import { weekOf } from "../weeks.js";
import { whenLoaded } from "./notice.js";

/** The meter of nine months as it stands after a week; nothing where the protocol has none. */
export function meterOf({ protocol }, week) {
  const all = protocol.parameters.max_activation_weeks?.value;
  if (!all) return null;
  const text = week.meter >= all ? t("person.meter_done", { all }) : t("person.meter_text", { used: week.meter, all });
  return h(
    "section",
    { class: "figure" },
    h("h2", null, t("person.meter")),
    h("p", { class: "figure-text" }, text),
    h("div", { class: "meter-frame" }, meter({ width: 780, used: week.meter, all })),
  );
}

/** What happened in a week, and how it deviates. */
export function weekOfPerson({ records, protocol, as_of }, week) {
  const weekRecords = inWeek(records, week.week);
  const entries = [
    ...(weekRecords.conversations ?? []).map(conversation),
    ...(weekRecords.activations ?? []).map(activation),
    ...(weekRecords.exemptions ?? []).map((each) =>
      entry(t("person.exemption"), [word("ExemptionScope", each.scope), word("ExemptionGround", each.ground)], each),
    ),
    ...(weekRecords["presence-events"] ?? []).map((each) =>
      entry(
        word("PresenceEventKind", each.kind),
        [date(each.date), each.reason && word("ExitReason", each.reason)],
        each,
      ),
    ),
    ...(weekRecords["support-efforts"] ?? []).map((each) =>
      entry(t("person.support"), [word("SupportArea", each.area)], each),
    ),
    ...(weekRecords.mentors ?? []).map((each) => entry(t("person.mentors"), [], each)),
  ];
  const deviations = week.deviations.length
    ? week.deviations.map((code) => explained("DeviationCode", code, protocol))
    : h("p", null, isOver(week.week, as_of) ? t("person.no_deviations") : t("person.not_over"));
  const number =
    week.number === null
      ? word("WeekState", week.state)
      : `${t("person.number")} ${week.number}, ${word("WeekState", week.state)}`;
  return h(
    "section",
    { class: "figure" },
    h("h2", null, weekName(week.week)),
    h("p", { class: "figure-text" }, number),
    h("h3", null, t("person.records")),
    entries.length ? h("ul", { class: "records" }, entries) : h("p", null, t("person.records_none")),
    h("h3", null, t("person.deviations_here")),
    h("div", null, deviations),
  );
}

function conversation(each) {
  const what = [
    date(each.date),
    word("ConversationStatus", each.status),
    word("ConversationForm", each.form),
    each.form === "in_person" && word("ConversationPlace", each.place),
    word("ConductedBy", each.conducted_by),
    each.remote_ground && word("RemoteGround", each.remote_ground),
  ];
  return entry(t("person.conversation"), what, each);
}

function activation(each) {
  const what = [
    word("ActivationType", each.type),
    t("person.hours", { hours: decimal(Number(each.hours_per_week)) }),
    each.reduced_hours_reason && word("ReducedHoursReason", each.reduced_hours_reason),
    each.preventive_kind && word("PreventiveKind", each.preventive_kind),
    each.not_workplace_reason && word("NotWorkplaceReason", each.not_workplace_reason),
    t("person.mentor", { state: word("MentorStatus", each.mentor) }),
    each.planned_ends_on && t("person.planned", { until: date(each.planned_ends_on) }),
    each.ended_because && t("person.ended", { because: word("EndedBecause", each.ended_because) }),
  ];
  return entry(t("person.activation"), what, each);
}

function entry(name, what, { starts_on, ends_on, client_id }) {
  const days =
    starts_on &&
    (ends_on === null
      ? t("person.open", { from: date(starts_on) })
      : t("person.until", { from: date(starts_on), to: date(ends_on) }));
  return h(
    "li",
    null,
    h("strong", null, name),
    " ",
    [...what, days].filter(Boolean).join(", "),
    h("span", { class: "source" }, ` ${client_id}`),
  );
}

/** What is to be done for the person in a week, as the worklist has it. */
export function nextOf(view, week) {
  return h(
    "section",
    { class: "figure" },
    h("h2", null, t("person.next")),
    whenLoaded(tasksOf(view, week), (content) => content),
  );
}

async function tasksOf({ trial, protocol, participant, as_of }, week) {
  if (participant.arm !== "treatment") return h("p", null, t("person.next_control"));
  if (week.state === "complete") return h("p", null, t("person.next_complete"));
  if (week.week > weekOf(as_of)) return h("p", null, t("person.not_over"));
  const wanted = { jobcentre: participant.jobcentre, week: week.week };
  const worklist = await api.get(api.trialPath(trial.id, "worklist"), wanted);
  const task = worklist.items.find((each) => each.participant_id === participant.participant_id);
  const over =
    trial.ends_on < as_of ? h("p", { class: "hint" }, t("person.next_over", { date: date(trial.ends_on) })) : null;
  if (!task) return [h("p", null, t("person.next_none", { week: weekName(week.week) })), over];
  const name = h("h3", null, t("person.next_week", { week: weekName(week.week) }));
  return [name, task.reasons.map((code) => h("div", null, explained("WorklistReason", code, protocol))), over];
}

/** Every deviation of the course by kind, with its weeks and its rule. */
export function allDeviations({ weeks, protocol }) {
  const weeksByCode = new Map();
  for (const week of weeks)
    for (const code of week.deviations) weeksByCode.set(code, [...(weeksByCode.get(code) ?? []), week.week]);
  const years = (codes) =>
    codes
      .map((code, place) => (code.slice(0, 4) === codes[place - 1]?.slice(0, 4) ? shortWeek(code) : weekName(code)))
      .join(" · ");
  const items = [...weeksByCode].sort((first, second) => second[1].length - first[1].length);
  return h(
    "section",
    { class: "figure" },
    h("h2", null, t("person.all_deviations")),
    items.length
      ? h(
          "ul",
          { class: "deviations" },
          items.map(([code, codes]) =>
            h(
              "li",
              null,
              h("span", { class: "count" }, String(codes.length)),
              explained("DeviationCode", code, protocol, h("p", { class: "source" }, years(codes))),
            ),
          ),
        )
      : h("p", null, t("person.no_deviations_at_all")),
  );
}
