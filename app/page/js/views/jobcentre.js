// One jobcentre: this week's worklist, the course week by week, deviations by kind, its people.

import * as api from "../api.js";
import { bullet, countBars } from "../charts/bars.js";
import { lineChart } from "../charts/line.js";
import { h, put } from "../dom.js";
import { chosenWeek, COUNTS, isAverage, load, MEASURES, rate, rates, thresholdOf, weeksOf } from "../figures.js";
import { compare, number, percent, roundPercent, shortWeek, t, week as weekName, word } from "../i18n.js";
import { figure } from "../parts/figure.js";
import { later, notice } from "../parts/notice.js";
import { choice, weekPicker } from "../parts/pick.js";
import { peopleOf, worklist } from "../parts/people.js";
import { note, to } from "../route.js";
import { explanation, section } from "../rules.js";
import * as session from "../session.js";
import { head, rests } from "../shell.js";

const mine = (place) => session.readsFiguresOf(place) || session.readsPeopleOf(place.code);

export async function jobcentre({ trial, protocol, id, query }) {
  const places = trial.jobcentres.filter(mine).sort((one, other) => compare(one.name, other.name));
  if (id === null) {
    if (places.length === 1) return jobcentre({ trial, protocol, id: places[0].code, query });
    return chooser(trial, places, query);
  }
  const place = places.find((each) => each.code === id);
  if (!place) return [head(trial.title, t("error.title")), notice(t("jobcentre.no_such"))];
  const figures = await load(trial);
  const around = figures ?? (await withoutFigures(trial, place));
  if (around === null || !around.weeks.length) return [head(trial.title, place.name), notice(t("region.nobody"))];
  setTimeout(() => rests(around.watermark));
  return new View(trial, protocol, place, places, around, figures, query).nodes();
}

/** The weeks that there are, for whoever reads people and no figures. */
async function withoutFigures(trial, place) {
  const answer = await api.orNull(api.get(api.inTrial(trial.id, "worklist"), { jobcentre: place.code }));
  return answer && { ...answer, ...weeksOf(trial, answer.as_of) };
}

function chooser(trial, places, query) {
  if (!places.length) return [head(trial.title, t("jobcentre.choose")), notice(t("error.scope"))];
  const link = (place) =>
    h("a", { href: to([trial.id, "jobcentre", place.code], { week: query.get("week") }) }, place.name);
  const regions = [...new Set(places.map((each) => each.region))].sort();
  return [
    head(trial.title, t("jobcentre.choose"), t("jobcentre.choose_lead")),
    h(
      "div",
      { class: "columns" },
      regions.map((region) =>
        h(
          "section",
          null,
          h("h2", null, word("Region", region)),
          h(
            "ul",
            { class: "plain" },
            places.filter((each) => each.region === region).map((place) => h("li", null, link(place))),
          ),
        ),
      ),
    ),
  ];
}

class View {
  constructor(trial, protocol, place, places, around, figures, query) {
    Object.assign(this, { trial, protocol, place, places, around, figures });
    this.week = chosenWeek(query.get("week"), around.weeks, this.opening());
    this.head = h("div");
    this.standing = h("div");
    this.tasks = h("section", { class: "figure" });
    this.charts = h("div");
    this.asked = 0;
  }

  /** The running week; of a trial that is over, the last one in which anyone had a duty. */
  opening() {
    const { running, weeks, rows } = this.around;
    if (running) return running;
    const treatment = rows?.get(this.place.code)?.treatment;
    return weeks.findLast((week) => treatment?.get(week)?.states.counted) ?? weeks.at(-1);
  }

  nodes() {
    this.draw();
    return [this.head, this.controls(), this.standing, this.tasks, this.charts, this.people()];
  }

  controls() {
    const others = this.places.map((each) => [each.code, each.name]);
    const go = (code) => {
      location.hash = to([this.trial.id, "jobcentre", code], { week: this.week });
    };
    const pick = (week) => {
      this.week = week;
      note({ week });
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.draw());
    };
    const { weeks, running } = this.around;
    return h(
      "div",
      { class: "controls" },
      weekPicker({ weeks, week: this.week, running, onpick: pick }),
      others.length > 1
        ? choice({ label: t("shell.jobcentre"), id: "jobcentre", value: this.place.code, options: others, onpick: go })
        : null,
    );
  }

  row(arm) {
    return this.figures?.rows.get(this.place.code)?.[arm].get(this.week);
  }

  draw() {
    this.lead = h("span");
    put(
      this.head,
      head(
        word("Region", this.place.region),
        t("jobcentre.title", { name: this.place.name, week: weekName(this.week) }),
        this.lead,
      ),
    );
    put(this.standing, this.figures ? this.conditions() : notice(t("error.figures")));
    clearTimeout(this.timer); // while the slider moves, only the week that it stops at is asked for
    this.timer = setTimeout(() => this.worklist(), this.asked++ ? 250 : 0);
    put(this.charts, this.figures && !isAverage(this.protocol) ? [this.trends(), this.deviations()] : null);
  }

  conditions() {
    const [treatment, control] = [this.row("treatment"), this.row("control")];
    const card = (measure) => {
      const [done, due] = COUNTS[measure].map((name) => treatment?.cumulative[name] ?? 0);
      const threshold = thresholdOf(this.protocol, measure);
      const standing = treatment?.conditions?.[measure] ?? null;
      const value = rate(treatment, measure);
      return h(
        "div",
        { class: "gauge" },
        h("h3", null, t(`condition.${measure}`)),
        h("p", { class: "big" }, percent(value)),
        bullet({ width: 240, height: 22, value, threshold, control: rate(control, measure), standing }),
        h(
          "p",
          { class: "hint" },
          standing
            ? [
                h("strong", { class: standing === "met" ? null : "alarm-text" }, word("ConditionStanding", standing)),
                " · ",
                t("jobcentre.threshold", { percent: roundPercent(threshold) }),
                " · ",
              ]
            : null,
          t("jobcentre.of", { done, due }),
        ),
        h("p", { class: "hint" }, `${t("arm.control")} ${percent(rate(control, measure))}`),
      );
    };
    if (isAverage(this.protocol)) return null;
    return h(
      "section",
      { class: "figure" },
      h("h2", null, t("jobcentre.conditions")),
      h("div", { class: "columns gauges" }, MEASURES.map(card)),
      later(this.grant(), (grant) => grant),
    );
  }

  async grant() {
    const answer = await api.orNull(api.get(api.inTrial(this.trial.id, "conditions"), { week: this.week }));
    const grant = answer?.items.find((each) => each.group.jobcentre === this.place.code)?.grant;
    if (!grant) return null;
    const text = t("jobcentre.grant_text", {
      people: grant.first_conversations,
      agreed: grant.agreed_participants,
      amount: grant.amount_dkk,
    });
    const payable =
      grant.payable === null ? null : ` – ${t(grant.payable ? "jobcentre.payable" : "jobcentre.not_payable")}`;
    return h("p", null, h("strong", null, t("jobcentre.grant")), ": ", text, payable, ".");
  }

  worklist() {
    if (!session.readsPeopleOf(this.place.code)) {
      put(this.tasks, h("h2", null, t("jobcentre.worklist")), notice(t("error.people")));
      return;
    }
    const week = this.week;
    const answer = api.get(api.inTrial(this.trial.id, "worklist"), { jobcentre: this.place.code, week });
    const shown = ({ items }) => {
      if (week === this.week)
        put(this.lead, items.length ? t("jobcentre.lead", { n: items.length }) : t("jobcentre.lead_none"));
      return worklist(this, items);
    };
    put(this.tasks, later(answer, shown));
  }

  trends() {
    const { figures, place } = this;
    const { weeks } = figures;
    const until = weeks.indexOf(this.week);
    const ticks = weeks
      .map((week, at) => ({
        place: at,
        text:
          week.slice(0, 4) === weeks[at - 1]?.slice(0, 4) ? shortWeek(week) : `${shortWeek(week)} ${week.slice(0, 4)}`,
      }))
      .filter((_, at) => at % 13 === 0);
    const one = (measure) => {
      const arms = ["treatment", "control"];
      const series = arms.map((arm) => ({
        name: t(`arm.${arm}`),
        kind: arm,
        values: rates(figures, place.code, arm, measure, true),
      }));
      const points = weeks.map((week, at) => ({
        week,
        treatment: series[0].values[at],
        control: series[1].values[at],
      }));
      return figure({
        id: measure,
        level: 3,
        title: t(`condition.${measure}`),
        legend: [...arms.map((arm) => [arm, t(`arm.${arm}`)]), ["threshold", t("region.key_threshold")]],
        draw: (width) =>
          lineChart({
            width,
            height: 220,
            label: `${place.name}: ${t(`rate.${measure}`)}`,
            x: weeks.map(weekName),
            ticks,
            series,
            threshold: thresholdOf(this.protocol, measure),
            y: { from: 0, to: 1, show: roundPercent },
            at: until,
          }),
        columns: [
          {
            key: "week",
            label: t("pick.week"),
            head: true,
            value: (point) => point.week,
            show: (point) => weekName(point.week),
          },
          ...arms.map((arm) => ({
            key: arm,
            label: t(`arm.${arm}`),
            kind: "number",
            value: (point) => point[arm],
            show: (point) => percent(point[arm]),
          })),
        ],
        rows: points,
        file: `${this.trial.id}-${place.code}-${measure}`,
      });
    };
    return h(
      "section",
      null,
      h("h2", null, t("jobcentre.trends")),
      h("p", { class: "figure-text" }, t("jobcentre.trends_text")),
      h("div", { class: "columns" }, MEASURES.map(one)),
    );
  }

  deviations() {
    const rows = this.figures.rows.get(this.place.code)?.treatment;
    const totals = new Map();
    for (const [week, row] of rows ?? []) {
      if (week > this.week) continue;
      for (const [code, count] of Object.entries(row.deviations)) totals.set(code, (totals.get(code) ?? 0) + count);
    }
    const now = rows?.get(this.week)?.deviations ?? {};
    const items = [...totals]
      .map(([code, total]) => ({ code, total, now: now[code] ?? 0 }))
      .sort((one, other) => other.total - one.total);
    return figure({
      id: "deviations",
      title: t("jobcentre.deviations"),
      text: t("jobcentre.deviations_text"),
      draw: (width) =>
        countBars({
          width: Math.min(width, 860),
          label: t("jobcentre.deviations"),
          items: items.map((item) => ({ name: word("DeviationCode", item.code), value: item.total })),
          show: number,
        }),
      columns: [
        {
          key: "deviation",
          label: t("jobcentre.deviation"),
          head: true,
          value: (item) => word("DeviationCode", item.code),
        },
        {
          key: "now",
          label: t("jobcentre.this_week"),
          kind: "number",
          value: (item) => item.now,
          show: (item) => number(item.now),
        },
        {
          key: "total",
          label: t("jobcentre.total"),
          kind: "number",
          value: (item) => item.total,
          show: (item) => number(item.total),
        },
        {
          key: "rule",
          label: t("jobcentre.rule"),
          value: (item) => section("DeviationCode", item.code),
          show: (item) => explanation("DeviationCode", item.code, this.protocol),
        },
      ],
      rows: items,
      file: `${this.trial.id}-${this.place.code}-${this.week}-deviations`,
    });
  }

  /** Everyone of the jobcentre; asked for only when wanted, because each reading is noted. */
  people() {
    if (!session.readsPeopleOf(this.place.code)) return null;
    const place = h("div");
    const show = () =>
      put(
        place,
        later(api.all(api.inTrial(this.trial.id, "participants"), { jobcentre: this.place.code }), (items) =>
          peopleOf(this, items),
        ),
      );
    const button = h(
      "button",
      { type: "button", onclick: () => (button.remove(), show()) },
      t("jobcentre.show_people"),
    );
    return h(
      "section",
      { class: "figure" },
      h("h2", null, t("jobcentre.people")),
      h("p", { class: "figure-text" }, t("jobcentre.people_text")),
      button,
      place,
    );
  }
}
