// One person: the whole course as a strip of weeks, the meter, what comes next and why.

import * as api from "../api.js";
import { strip } from "../charts/strip.js";
import {
  activationWords,
  conversationWords,
  deviationWords,
  exemptionWords,
  inWeek,
  presenceWords,
  recordsOf,
  shownWeek,
} from "../course.js";
import { add, h, setChildren } from "../dom.js";
import { isRandomised } from "../figures.js";
import { date, t, week as weekName, word } from "../i18n.js";
import { figure } from "../parts/figure.js";
import { notice, errorText } from "../parts/notice.js";
import { allDeviations, meterOf, nextOf, weekOfPerson } from "../parts/person.js";
import { facts } from "../parts/table.js";
import { updateQuery, to } from "../route.js";
import { save } from "../export.js";
import { shortId } from "../ids.js";
import { head, announce } from "../shell.js";
import { weekOf } from "../weeks.js";

export async function person({ trial, protocol, id, query }) {
  const path = api.trialPath(trial.id, "participants", id ?? "");
  const participant = id === null ? null : await api.nullIfHidden(api.get(path));
  if (participant === null) return [head(trial.title, t("error.title")), notice(t("error.not_found"))];
  const place = trial.jobcentres.find((each) => each.code === participant.jobcentre);
  const [weeks, records, running] = await Promise.all([
    api.nullIfHidden(api.get(`${path}/weeks`)),
    recordsOf(trial.id, id),
    api.get(api.trialPath(trial.id, "worklist"), { jobcentre: participant.jobcentre }),
  ]);
  const shown = new Person({
    trial,
    protocol,
    participant,
    place,
    records,
    weeks: weeks?.items ?? [],
    as_of: running.as_of,
    path,
  });
  return shown.nodes(query.get("week"));
}

class Person {
  constructor(fields) {
    Object.assign(this, fields);
    this.details = h("div", { class: "columns two" });
    this.meter = h("div");
  }

  nodes(requested) {
    const { trial, participant, place } = this;
    const link = h("a", { href: to([trial.id, "jobcentre", place.code]) }, place.name);
    const title = t("person.title", { id: shortId(participant.participant_id) });
    if (!this.weeks.length) {
      return [
        head(
          link,
          title,
          t("person.lead_undrawn", { jobcentre: place.name, state: word("ParticipantState", participant.state) }),
        ),
        this.about(),
      ];
    }
    const lead = t(`person.lead_${isRandomised(this.protocol) ? participant.arm : "one_arm"}`, {
      date: date(participant.assigned_on),
      jobcentre: place.name,
    });
    this.chosen = this.opening(requested);
    this.items = this.weeks.map((week) => shownWeek(week, this.records));
    this.strip = this.course();
    this.draw();
    const some = this.records.conversations === null ? notice(t("person.no_records_right")) : null;
    return [head(link, title, lead), this.about(), some, this.strip, this.meter, this.details, allDeviations(this)];
  }

  /** The week of the address, the running one, or the last that has a number. */
  opening(requested) {
    const now = weekOf(this.as_of);
    for (const wanted of [requested, now]) {
      const place = this.weeks.findIndex((each) => each.week === wanted);
      if (place >= 0) return place;
    }
    return Math.max(
      0,
      this.weeks.findLastIndex((each) => each.number !== null),
    );
  }

  about() {
    const { participant } = this;
    const letter = h("button", { type: "button", class: "quiet" }, t("person.letter_open"));
    letter.addEventListener("click", () => this.letter(letter));
    return h(
      "div",
      { class: "about" },
      facts([
        participant.arm ? [t("jobcentre.arm"), word("Arm", participant.arm)] : null,
        [t("person.state"), word("ParticipantState", participant.state)],
        [t("person.number"), participant.programme_week],
        [t("person.contact"), participant.contact_person ?? t("jobcentre.nobody")],
        participant.channel ? [t("person.channel"), word("Channel", participant.channel)] : null,
        participant.arm ? [t("person.letter"), letter] : null,
      ]),
    );
  }

  async letter(button) {
    try {
      save(await api.blob(`${this.path}/letter`, "application/pdf"), `${this.participant.participant_id}.pdf`);
    } catch (error) {
      add(button.parentNode, h("p", { class: "source", role: "alert" }, errorText(error)));
    }
  }

  course() {
    const rows = this.weeks.map((week) => ({ ...week, weekRecords: inWeek(this.records, week.week) }));
    const text = (key, label, value) => ({ key, label, value });
    const keys = [
      "counted",
      "absent",
      "exempt",
      "partly",
      "complete",
      "held",
      "remote",
      "missing",
      "workplace",
      "active",
      "due",
      "deviation",
      "gate",
    ];
    return figure({
      id: "course",
      title: t("person.course"),
      text: t("person.course_text"),
      legend: keys.map((key) => [`strip-${key}`, t(`person.key_${key}`)]),
      draw: (width) =>
        strip({
          width,
          label: t("person.course"),
          items: this.items,
          chosen: this.chosen,
          lineName: weekName,
          onpick: (place) => this.pick(place),
        }),
      columns: [
        {
          key: "week",
          label: t("person.week"),
          head: true,
          value: (row) => row.week,
          show: (row) => weekName(row.week),
        },
        { key: "number", label: t("person.number"), kind: "number", value: (row) => row.number },
        text("state", t("person.state_col"), (row) => word("WeekState", row.state)),
        text("conversation", t("person.conversation"), (row) => conversationWords(row, row.weekRecords)),
        text("activation", t("person.activation"), (row) => activationWords(row, row.weekRecords)),
        text("exemption", t("person.exemption"), (row) => exemptionWords(row.weekRecords)),
        text("presence", t("person.presence"), (row) => presenceWords(row.weekRecords)),
        text("deviations", t("person.deviations"), (row) => deviationWords(row)),
        { key: "meter", label: t("person.meter_col"), kind: "number", value: (row) => row.meter },
      ],
      rows,
      file: `${this.trial.id}-${shortId(this.participant.participant_id)}`,
    });
  }

  pick(place) {
    this.chosen = place;
    updateQuery({ week: this.weeks[place].week });
    const hadFocus = this.strip.contains(document.activeElement);
    for (const each of this.strip.querySelectorAll("g.week")) {
      const here = Number(each.dataset.place) === place;
      each.classList.toggle("chosen", here);
      each.setAttribute("aria-pressed", String(here));
      each.setAttribute("tabindex", here ? "0" : "-1");
      if (here && hadFocus) each.focus();
    }
    this.draw();
    announce(t("person.chosen", { week: weekName(this.weeks[place].week) }));
  }

  draw() {
    const week = this.weeks[this.chosen];
    setChildren(this.meter, meterOf(this, week));
    setChildren(this.details, weekOfPerson(this, week), nextOf(this, week));
  }
}
