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
import { add, h, put } from "../dom.js";
import { isRandomised } from "../figures.js";
import { date, t, week as weekName, word } from "../i18n.js";
import { figure } from "../parts/figure.js";
import { notice, sentenceOf } from "../parts/notice.js";
import { allDeviations, meterOf, nextOf, weekOfPerson } from "../parts/person.js";
import { facts } from "../parts/table.js";
import { note, to } from "../route.js";
import { save } from "../export.js";
import { shortId } from "../ids.js";
import { head, say } from "../shell.js";
import { weekOf } from "../weeks.js";

export async function person({ trial, protocol, id, query }) {
  const path = api.inTrial(trial.id, "participants", id ?? "");
  const someone = id === null ? null : await api.orNull(api.get(path));
  if (someone === null) return [head(trial.title, t("error.title")), notice(t("error.not_found"))];
  const place = trial.jobcentres.find((each) => each.code === someone.jobcentre);
  const [weeks, records, running] = await Promise.all([
    api.orNull(api.get(`${path}/weeks`)),
    recordsOf(trial.id, id),
    api.get(api.inTrial(trial.id, "worklist"), { jobcentre: someone.jobcentre }),
  ]);
  const shown = new Person({
    trial,
    protocol,
    someone,
    place,
    records,
    weeks: weeks?.items ?? [],
    as_of: running.as_of,
    path,
  });
  return shown.nodes(query.get("week"));
}

class Person {
  constructor(known) {
    Object.assign(this, known);
    this.details = h("div", { class: "columns two" });
    this.meter = h("div");
  }

  nodes(asked) {
    const { trial, someone, place } = this;
    const link = h("a", { href: to([trial.id, "jobcentre", place.code]) }, place.name);
    const title = t("person.title", { id: shortId(someone.participant_id) });
    if (!this.weeks.length) {
      return [
        head(
          link,
          title,
          t("person.lead_undrawn", { jobcentre: place.name, state: word("ParticipantState", someone.state) }),
        ),
        this.about(),
      ];
    }
    const lead = t(`person.lead_${isRandomised(this.protocol) ? someone.arm : "one_arm"}`, {
      date: date(someone.assigned_on),
      jobcentre: place.name,
    });
    this.chosen = this.opening(asked);
    this.items = this.weeks.map((week) => shownWeek(week, this.records));
    this.strip = this.course();
    this.draw();
    const some = this.records.conversations === null ? notice(t("person.no_records_right")) : null;
    return [head(link, title, lead), this.about(), some, this.strip, this.meter, this.details, allDeviations(this)];
  }

  /** The week of the address, the running one, or the last that has a number. */
  opening(asked) {
    const now = weekOf(this.as_of);
    for (const wanted of [asked, now]) {
      const place = this.weeks.findIndex((each) => each.week === wanted);
      if (place >= 0) return place;
    }
    return Math.max(
      0,
      this.weeks.findLastIndex((each) => each.number !== null),
    );
  }

  about() {
    const { someone } = this;
    const letter = h("button", { type: "button", class: "quiet" }, t("person.letter_open"));
    letter.addEventListener("click", () => this.letter(letter));
    return h(
      "div",
      { class: "about" },
      facts([
        someone.arm ? [t("jobcentre.arm"), word("Arm", someone.arm)] : null,
        [t("person.state"), word("ParticipantState", someone.state)],
        [t("person.number"), someone.programme_week],
        [t("person.contact"), someone.contact_person ?? t("jobcentre.nobody")],
        someone.channel ? [t("person.channel"), word("Channel", someone.channel)] : null,
        someone.arm ? [t("person.letter"), letter] : null,
      ]),
    );
  }

  async letter(button) {
    try {
      save(await api.blob(`${this.path}/letter`, "application/pdf"), `${this.someone.participant_id}.pdf`);
    } catch (error) {
      add(button.parentNode, h("p", { class: "source", role: "alert" }, sentenceOf(error)));
    }
  }

  course() {
    const rows = this.weeks.map((week) => ({ ...week, found: inWeek(this.records, week.week) }));
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
        text("conversation", t("person.conversation"), (row) => conversationWords(row, row.found)),
        text("activation", t("person.activation"), (row) => activationWords(row, row.found)),
        text("exemption", t("person.exemption"), (row) => exemptionWords(row.found)),
        text("presence", t("person.presence"), (row) => presenceWords(row.found)),
        text("deviations", t("person.deviations"), (row) => deviationWords(row)),
        { key: "meter", label: t("person.meter_col"), kind: "number", value: (row) => row.meter },
      ],
      rows,
      file: `${this.trial.id}-${shortId(this.someone.participant_id)}`,
    });
  }

  pick(place) {
    this.chosen = place;
    note({ week: this.weeks[place].week });
    const hadFocus = this.strip.contains(document.activeElement);
    for (const each of this.strip.querySelectorAll("g.week")) {
      const here = Number(each.dataset.place) === place;
      each.classList.toggle("chosen", here);
      each.setAttribute("aria-pressed", String(here));
      each.setAttribute("tabindex", here ? "0" : "-1");
      if (here && hadFocus) each.focus();
    }
    this.draw();
    say(t("person.chosen", { week: weekName(this.weeks[place].week) }));
  }

  draw() {
    const week = this.weeks[this.chosen];
    put(this.meter, meterOf(this, week));
    put(this.details, weekOfPerson(this, week), nextOf(this, week));
  }
}
