// One jobcentre: this week's worklist, the course week by week, deviations by kind, its people.

import * as api from "../api.js";
import { bullet, countBars } from "../charts/bars.js";
import { lineChart } from "../charts/line.js";
import { h, setChildren } from "../dom.js";
import { chosenWeek, COUNTS, isAverage, load, MEASURES, rate, rates, thresholdOf, weeksOf } from "../figures.js";
import { compare, number, percent, roundPercent, shortWeek, t, week as weekName, word } from "../i18n.js";
import { figure } from "../parts/figure.js";
import { whenLoaded, notice } from "../parts/notice.js";
import { choice, weekPicker } from "../parts/pick.js";
import { peopleOf, worklist } from "../parts/people.js";
import { updateQuery, to } from "../route.js";
import { explanation, section } from "../rules.js";
import * as session from "../session.js";
import { head, showWatermark } from "../shell.js";

const isAccessible = (place) => session.readsFiguresOf(place) || session.readsPeopleOf(place.code);

export async function jobcentre({ trial, protocol, id, query }) {
  const places = trial.jobcentres.filter(isAccessible).sort((first, second) => compare(first.name, second.name));
  if (id === null) {
    if (places.length === 1) return jobcentre({ trial, protocol, id: places[0].code, query });
    return chooser(trial, places, query);
  }
  const place = places.find((each) => each.code === id);
  if (!place) return [head(trial.title, t("error.title")), notice(t("jobcentre.no_such"))];
  const figures = await load(trial);
  const calendar = figures ?? (await withoutFigures(trial, place));
  if (calendar === null || !calendar.weeks.length) return [head(trial.title, place.name), notice(t("region.nobody"))];
  setTimeout(() => showWatermark(calendar.watermark));
  return new View(trial, protocol, place, places, calendar, figures, query).nodes();
}

/** The weeks of the trial for a token that reads people but no figures. */
async function withoutFigures(trial, place) {
  const response = await api.nullIfHidden(api.get(api.trialPath(trial.id, "worklist"), { jobcentre: place.code }));
  return response && { ...response, ...weeksOf(trial, response.as_of) };
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
  constructor(trial, protocol, place, places, calendar, figures, query) {
    Object.assign(this, { trial, protocol, place, places, calendar, figures });
    this.week = chosenWeek(query.get("week"), calendar.weeks, this.opening());
    this.head = h("div");
    this.standing = h("div");
    this.tasks = h("section", { class: "figure" });
    this.charts = h("div");
    this.requests = 0;
  }

  /** The running week; of a trial that is over, the last one in which anyone had a duty. */
  opening() {
    const { running, weeks, rows } = this.calendar;
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
      updateQuery({ week });
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.draw());
    };
    const { weeks, running } = this.calendar;
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
    setChildren(
      this.head,
      head(
        word("Region", this.place.region),
        t("jobcentre.title", { name: this.place.name, week: weekName(this.week) }),
        this.lead,
      ),
    );
    setChildren(this.standing, this.figures ? this.conditions() : notice(t("error.figures")));
    clearTimeout(this.timer); // while the slider moves, only the week where it stops is fetched
    this.timer = setTimeout(() => this.worklist(), this.requests++ ? 250 : 0);
    setChildren(this.charts, this.figures && !isAverage(this.protocol) ? [this.trends(), this.deviations()] : null);
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
      whenLoaded(this.grant(), (grant) => grant),
    );
  }

  async grant() {
    const response = await api.nullIfHidden(api.get(api.trialPath(this.trial.id, "conditions"), { week: this.week }));
    const grant = response?.items.find((each) => each.group.jobcentre === this.place.code)?.grant;
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
      setChildren(this.tasks, h("h2", null, t("jobcentre.worklist")), notice(t("error.people")));
      return;
    }
    const week = this.week;
    const response = api.get(api.trialPath(this.trial.id, "worklist"), { jobcentre: this.place.code, week });
    const shown = ({ items }) => {
      if (week === this.week)
        setChildren(this.lead, items.length ? t("jobcentre.lead", { n: items.length }) : t("jobcentre.lead_none"));
      return worklist(this, items);
    };
    setChildren(this.tasks, whenLoaded(response, shown));
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
    const chart = (measure) => {
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
      h("div", { class: "columns" }, MEASURES.map(chart)),
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
      .sort((first, second) => second.total - first.total);
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

  /** The people of the jobcentre. Fetched on request only, because every read is in the audit trail. */
  people() {
    if (!session.readsPeopleOf(this.place.code)) return null;
    const place = h("div");
    const show = () =>
      setChildren(
        place,
        whenLoaded(api.all(api.trialPath(this.trial.id, "participants"), { jobcentre: this.place.code }), (items) =>
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
