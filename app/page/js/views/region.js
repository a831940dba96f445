// All jobcentres in a week: the conditions against their thresholds, the course since the start, both arms.

import { bulletGrid, bullet, dumbbells } from "../charts/bars.js";
import { panels, sparkline } from "../charts/line.js";
import { h, setChildren } from "../dom.js";
import { chosenWeek, isAverage, load, MEASURES, rate, rates, thresholdOf } from "../figures.js";
import { average, compare, list, number, percent, roundPercent, t, week as weekName, word } from "../i18n.js";
import { figure } from "../parts/figure.js";
import { notice } from "../parts/notice.js";
import { choice, weekPicker } from "../parts/pick.js";
import { sorted, table } from "../parts/table.js";
import { updateQuery, to } from "../route.js";
import { head, showWatermark } from "../shell.js";

export async function region({ trial, protocol, query }) {
  const figures = await load(trial);
  if (figures === null) return [head(trial.title, t("shell.region")), notice(t("error.figures"))];
  if (!figures.rows.size) return [head(trial.title, t("shell.region")), notice(t("region.nobody"))];
  const view = new Region(trial, protocol, figures, query);
  setTimeout(() => showWatermark(figures.watermark));
  return view.nodes();
}

class Region {
  constructor(trial, protocol, figures, query) {
    Object.assign(this, { trial, protocol, figures });
    this.measures = isAverage(protocol) ? [] : MEASURES;
    this.week = chosenWeek(query.get("week"), figures.weeks, figures.last ?? figures.weeks.at(-1));
    this.region = query.get("region") ?? "";
    this.search = query.get("q") ?? "";
    this.plan = query.get("plan") === "1";
    this.sort = { key: query.get("sort") ?? "jobcentre", down: query.get("down") === "1" };
    this.measure = MEASURES.includes(query.get("measure")) ? query.get("measure") : "conversation";
    this.head = h("div");
    this.body = h("div");
    this.charts = h("div");
  }

  nodes() {
    this.draw();
    return [this.head, this.controls(), this.body, this.charts];
  }

  /** Changes the view and the query of the address. */
  set(changes, query) {
    Object.assign(this, changes);
    updateQuery(query);
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  controls() {
    const { figures } = this;
    const regions = [
      ...new Set(this.trial.jobcentres.filter((each) => figures.rows.has(each.code)).map((each) => each.region)),
    ];
    const named = regions.map((each) => [each, word("Region", each)]).sort((a, b) => compare(a[1], b[1]));
    return h(
      "div",
      { class: "controls", role: "group", "aria-label": t("region.filter") },
      weekPicker({
        weeks: figures.weeks,
        week: this.week,
        running: figures.running,
        onpick: (week) => this.set({ week }, { week }),
      }),
      choice({
        label: t("region.region"),
        id: "region",
        value: this.region,
        options: [["", t("region.all_regions")], ...named],
        onpick: (code) => this.set({ region: code }, { region: code }),
      }),
      h(
        "span",
        { class: "choice" },
        h("label", { for: "q" }, t("region.search")),
        h("input", {
          id: "q",
          type: "search",
          value: this.search,
          oninput: (event) => this.set({ search: event.target.value }, { q: event.target.value }),
        }),
      ),
      this.measures.length
        ? h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              checked: this.plan,
              onchange: (event) => this.set({ plan: event.target.checked }, { plan: event.target.checked ? "1" : "" }),
            }),
            t("region.only_plan"),
          )
        : null,
    );
  }

  /** The jobcentres with their rows of the week. */
  places(filtered = true) {
    const wanted = this.search.trim().toLowerCase();
    return this.trial.jobcentres
      .map((place) => {
        const arms = this.figures.rows.get(place.code);
        return { ...place, treatment: arms?.treatment.get(this.week), control: arms?.control.get(this.week) };
      })
      .filter((place) => place.treatment || place.control)
      .filter(
        (place) =>
          !filtered ||
          ((!this.region || place.region === this.region) &&
            place.name.toLowerCase().includes(wanted) &&
            (!this.plan || place.treatment?.action_plan)),
      )
      .sort((first, second) => compare(first.name, second.name));
  }

  draw() {
    const focused = document.activeElement?.dataset?.key;
    const inBody = this.body.contains(document.activeElement);
    const columns = this.columns();
    const rows = sorted(this.places(), columns, this.sort);
    setChildren(this.head, this.lead());
    setChildren(this.body, this.conditions(columns, rows));
    setChildren(this.charts, this.measures.length && rows.length ? [this.trend(rows), this.difference(rows)] : null);
    if (inBody && focused) this.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  lead() {
    const all = this.places(false);
    const title = t("region.title", { week: weekName(this.week) });
    const region = this.region ? word("Region", this.region) : null;
    if (!all.length) return head(region, title, t("region.nobody"));
    const judged = all.filter((place) => place.treatment?.conditions);
    if (!judged.length) return head(region, title, t("region.lead_plain", { n: all.length }));
    const met = judged.filter((place) => Object.values(place.treatment.conditions).every((each) => each === "met"));
    const plans = judged.filter((place) => place.treatment.action_plan);
    const plan = plans.length
      ? t("region.lead_plan", { n: plans.length, names: list(plans.map((each) => each.name)) })
      : t("region.lead_no_plan");
    return head(region, title, t("region.lead_met", { n: met.length, all: judged.length }), " ", plan);
  }

  columns() {
    const link = (place) =>
      h("a", { href: to([this.trial.id, "jobcentre", place.code], { week: this.week }) }, place.name);
    const columns = [
      {
        key: "jobcentre",
        label: t("region.jobcentre"),
        head: true,
        value: (place) => place.name,
        show: (place) => [link(place), h("span", { class: "sub" }, word("Region", place.region))],
      },
      {
        key: "people",
        label: t("region.people"),
        hint: t("region.people_hint"),
        kind: "number",
        value: (place) => place.treatment?.participants ?? 0,
        show: (place) => number(place.treatment?.participants ?? 0),
      },
      ...this.measures.map((measure) => this.rateColumn(measure)),
    ];
    if (this.measures.length) {
      columns.push({
        key: "plan",
        label: t("region.plan"),
        value: (place) => (place.treatment?.action_plan ? 1 : 0),
        show: (place) =>
          place.treatment?.action_plan
            ? h("span", { class: "badge alarm" }, t("region.plan_yes"))
            : h("span", { class: "calm" }, t("region.plan_no")),
      });
    } else {
      const contacts = (place) => place.treatment?.cumulative.contacts_per_four_weeks?.total ?? null;
      const required = (place) => place.treatment?.cumulative.required_contacts?.total ?? null;
      columns.push({
        key: "contacts",
        label: t("region.contacts"),
        kind: "number",
        value: contacts,
        show: (place) => average(contacts(place)),
      });
      columns.push({
        key: "required",
        label: t("region.required"),
        kind: "number",
        value: required,
        show: (place) => average(required(place)),
      });
    }
    return columns;
  }

  rateColumn(measure) {
    const threshold = thresholdOf(this.protocol, measure);
    const at = this.figures.weeks.indexOf(this.week);
    const show = (place) => {
      const value = rate(place.treatment, measure);
      const control = rate(place.control, measure);
      const standing = place.treatment?.conditions?.[measure] ?? null;
      const values = rates(this.figures, place.code, "treatment", measure);
      return h(
        "div",
        { class: "rate" },
        h("span", { class: "figure-number" }, percent(value)),
        standing === "not_met"
          ? h(
              "span",
              { class: "sign alarm", title: word("ConditionStanding", standing) },
              h("span", { "aria-hidden": "true" }, "▼"),
              h("span", { class: "unseen" }, word("ConditionStanding", standing)),
            )
          : h("span", { class: "sign" }),
        bullet({ value, threshold, control, standing }),
        sparkline({ values, threshold, at }),
        h("span", { class: "unseen" }, `${t("arm.control")} ${percent(control)}`),
      );
    };
    return {
      key: measure,
      label: t(`condition.${measure}`),
      hint: threshold === null ? null : t("region.goal", { percent: roundPercent(threshold) }),
      kind: "rates",
      value: (place) => rate(place.treatment, measure),
      show,
    };
  }

  conditions(columns, rows) {
    const title = this.measures.length ? t("region.table_title") : t("region.contacts");
    const sort = (key) => {
      const down =
        this.sort.key === key
          ? !this.sort.down
          : key !== "jobcentre" && key !== "conversation" && key !== "activation" && key !== "workplace";
      this.set({ sort: { key, down } }, { sort: key, down: down ? "1" : "" });
    };
    const controls = this.measures.map((measure) => ({
      key: `${measure}-control`,
      label: `${t(`condition.${measure}`)}, ${t("arm.control")}`,
      value: (place) => rate(place.control, measure),
    }));
    const content = () =>
      table({
        caption: t("region.table", { week: weekName(this.week) }),
        columns,
        rows,
        sort: this.sort,
        onsort: sort,
        empty: t("region.none"),
        wide: true,
      });
    const picture = (width) =>
      bulletGrid({
        width: Math.max(width, 760),
        label: title,
        columns: this.measures.map((measure) => t(`condition.${measure}`)),
        rows: rows.map((place) => ({
          name: place.name,
          cells: this.measures.map((measure) => ({
            value: rate(place.treatment, measure),
            control: rate(place.control, measure),
            threshold: thresholdOf(this.protocol, measure),
            standing: place.treatment?.conditions?.[measure] ?? null,
            text: percent(rate(place.treatment, measure)),
          })),
        })),
      });
    const legend = this.measures.length
      ? [
          ["met", t("region.key_met")],
          ["not_met", t("region.key_not_met")],
          ["threshold", t("region.key_threshold")],
          ["control-mark", t("arm.control")],
        ]
      : [];
    return figure({
      id: "conditions",
      title,
      text: this.measures.length ? t("region.table_text") : t("region.contacts_text"),
      legend,
      content,
      draw: this.measures.length ? picture : null,
      columns: [...columns, ...controls],
      rows,
      file: `${this.trial.id}-${this.week}`,
    });
  }

  picker(id) {
    const options = MEASURES.map((each) => [each, t(`condition.${each}`)]);
    const pick = h(
      "div",
      { class: "figure-controls" },
      choice({
        label: t("region.measure"),
        id,
        value: this.measure,
        options,
        onpick: (measure) => this.set({ measure }, { measure }),
      }),
    );
    return pick;
  }

  trend(rows) {
    const { figures, measure } = this;
    const threshold = thresholdOf(this.protocol, measure);
    const points = rows.flatMap((place) =>
      figures.weeks.map((week) => ({ place, week, arms: figures.rows.get(place.code) })),
    );
    const arms = ["treatment", "control"];
    return figure({
      id: "trend",
      title: `${t("region.trend")}: ${t(`condition.${measure}`).toLowerCase()}`,
      text: t("region.trend_text"),
      controls: this.picker("measure"),
      legend: [
        ["treatment", t("arm.treatment")],
        ["control", t("arm.control")],
        ...(threshold === null ? [] : [["threshold", t("region.key_threshold")]]),
      ],
      draw: (width) =>
        panels({
          width,
          label: `${t("region.trend")}: ${t(`rate.${measure}`)}`,
          groups: rows.map((place) => ({
            title: place.name,
            series: arms.map((arm) => ({ kind: arm, values: rates(figures, place.code, arm, measure) })),
          })),
          threshold,
          at: figures.weeks.indexOf(this.week),
          length: figures.weeks.length,
          show: roundPercent,
        }),
      columns: [
        { key: "jobcentre", label: t("region.jobcentre"), head: true, value: (point) => point.place.name },
        {
          key: "week",
          label: t("pick.week"),
          value: (point) => point.week,
          show: (point) => weekName(point.week),
        },
        ...arms.map((arm) => ({
          key: arm,
          label: t(`arm.${arm}`),
          kind: "number",
          value: (point) => rate(point.arms[arm].get(point.week), measure),
          show: (point) => percent(rate(point.arms[arm].get(point.week), measure)),
        })),
      ],
      rows: points,
      file: `${this.trial.id}-${measure}`,
    });
  }

  difference(rows) {
    const { measure } = this;
    const arms = ["treatment", "control"];
    const items = rows.map((place) => ({
      name: place.name,
      treatment: rate(place.treatment, measure),
      control: rate(place.control, measure),
    }));
    return figure({
      id: "difference",
      title: `${t("region.difference")}: ${t(`condition.${measure}`).toLowerCase()}`,
      text: t("region.difference_text"),
      legend: [
        ["treatment-mark", t("arm.treatment")],
        ["control-mark", t("arm.control")],
        ["threshold", t("region.key_threshold")],
      ],
      draw: (width) =>
        dumbbells({
          width,
          label: `${t("region.difference")}: ${t(`rate.${measure}`)}`,
          items,
          threshold: thresholdOf(this.protocol, measure),
          show: roundPercent,
        }),
      columns: [
        { key: "jobcentre", label: t("region.jobcentre"), head: true, value: (item) => item.name },
        ...arms.map((arm) => ({
          key: arm,
          label: t(`arm.${arm}`),
          kind: "number",
          value: (item) => item[arm],
          show: (item) => percent(item[arm]),
        })),
      ],
      rows: items,
      file: `${this.trial.id}-${this.week}-${measure}-arms`,
    });
  }
}
