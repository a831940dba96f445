// Lists of people: this week's worklist of a jobcentre, and everyone there.

import { h } from "../dom.js";
import { date, t, word } from "../i18n.js";
import { shortId } from "../ids.js";
import { to } from "../route.js";
import { explained } from "../rules.js";
import { figure } from "./figure.js";
import { table } from "./table.js";

/** Whom to do what for, with every reason explained. */
export function worklist({ trial, protocol, place, week }, items) {
  const link = (item) =>
    h("a", { href: to([trial.id, "person", item.participant_id], { week: week }) }, shortId(item.participant_id));
  const ends = (item) =>
    item.exemptions_ending.map((each) =>
      h(
        "p",
        { class: "source" },
        `${word("ExemptionScope", each.scope)}, ${word("ExemptionGround", each.ground)}: ${date(each.ends_on)}`,
      ),
    );
  const reasons = (item) =>
    item.reasons.map((code) =>
      explained("WorklistReason", code, protocol, code === "exemption_ends" ? ends(item) : null),
    );
  const columns = [
    { key: "person", label: t("jobcentre.person"), head: true, value: (item) => item.participant_id, show: link },
    {
      key: "reasons",
      label: t("jobcentre.reasons"),
      value: (item) => item.reasons.map((code) => word("WorklistReason", code)).join("; "),
      show: reasons,
    },
    { key: "number", label: t("jobcentre.number"), kind: "number", value: (item) => item.number },
    { key: "state", label: t("jobcentre.state"), value: (item) => word("WeekState", item.state) },
    {
      key: "assigned",
      label: t("jobcentre.assigned"),
      value: (item) => item.assigned_on,
      show: (item) => date(item.assigned_on),
    },
    {
      key: "contact",
      label: t("jobcentre.contact"),
      value: (item) => item.contact_person,
      show: (item) => item.contact_person ?? h("span", { class: "calm" }, t("jobcentre.nobody")),
    },
  ];
  const content = () =>
    table({
      caption: t("jobcentre.worklist"),
      columns,
      rows: items,
      empty: t("jobcentre.worklist_none"),
      wide: true,
    });
  return figure({
    id: "worklist",
    title: t("jobcentre.worklist"),
    text: t("jobcentre.worklist_text"),
    content,
    draw: null,
    columns,
    rows: items,
    file: `${trial.id}-${place.code}-${week}`,
  });
}

/** Everyone of a jobcentre. */
export function peopleOf({ trial, week }, items) {
  const columns = [
    {
      key: "person",
      label: t("jobcentre.person"),
      head: true,
      value: (item) => item.participant_id,
      show: (item) =>
        h("a", { href: to([trial.id, "person", item.participant_id], { week: week }) }, shortId(item.participant_id)),
    },
    {
      key: "arm",
      label: t("jobcentre.arm"),
      value: (item) => item.arm,
      show: (item) => (item.arm ? word("Arm", item.arm) : null),
    },
    { key: "state", label: t("person.state"), value: (item) => word("ParticipantState", item.state) },
    { key: "number", label: t("jobcentre.number"), kind: "number", value: (item) => item.programme_week },
    {
      key: "assigned",
      label: t("jobcentre.assigned"),
      value: (item) => item.assigned_on,
      show: (item) => date(item.assigned_on),
    },
    { key: "contact", label: t("jobcentre.contact"), value: (item) => item.contact_person },
  ];
  return table({ caption: t("jobcentre.people"), columns, rows: items, empty: t("region.nobody"), wide: true });
}
