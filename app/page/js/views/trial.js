// The trial: flow, activity curve, effects, verification of the draw, data quality.

import * as api from "../api.js";
import { flowChart } from "../charts/flow.js";
import { lineChart } from "../charts/line.js";
import { h, setChildren } from "../dom.js";
import { isRandomised } from "../figures.js";
import { compare, date, decimal, number, percent, points, roundPercent, roundPoints, t, word } from "../i18n.js";
import { differences, effects } from "../parts/effects.js";
import { draws } from "../parts/draws.js";
import { figure } from "../parts/figure.js";
import { whenLoaded, notice } from "../parts/notice.js";
import { quality, sources } from "../parts/quality.js";
import { choice } from "../parts/pick.js";
import { updateQuery } from "../route.js";
import { head, showWatermark } from "../shell.js";
import * as session from "../session.js";

const ARMS = ["treatment", "control"];
const ANALYSES = ["conditional", "intention_to_treat"];
const MEASURES = [
  "conversation",
  "activation",
  "workplace",
  "part_time_job",
  "wage_subsidy_public",
  "wage_subsidy_private",
  "work_placement_public",
  "work_placement_private",
  "guidance_and_upskilling",
  "other_offer",
];

export async function trialView({ trial, protocol, query }) {
  return new Trial(trial, protocol, query).nodes();
}

class Trial {
  constructor(trial, protocol, query) {
    Object.assign(this, { trial, protocol });
    const byName = (first, second) => compare(first.name, second.name);
    this.places = trial.jobcentres.filter(session.readsFiguresOf).sort(byName);
    const whole = this.places.length === trial.jobcentres.length;
    const scope = this.places.find((each) => each.code === query.get("jobcentre"))?.code;
    this.scope = scope ?? (whole ? "" : this.places[0]?.code);
    this.scopes = [...(whole ? [["", t("trial.whole")]] : []), ...this.places.map((each) => [each.code, each.name])];
    this.measure = MEASURES.includes(query.get("measure")) ? query.get("measure") : "conversation";
    this.analysis = ANALYSES.includes(query.get("analysis")) ? query.get("analysis") : "conditional";
    this.outcome = query.get("outcome");
    /** Of a trial with one arm nothing is said of the other. */
    this.isShown = (arm) => isRandomised(protocol) || arm.arm === "treatment";
    this.body = h("div");
    this.curves = h("div");
  }

  nodes() {
    const { trial } = this;
    const dates = {
      jobcentres: trial.jobcentres.length,
      from: date(trial.intake_from),
      to: date(trial.intake_to),
      ends: date(trial.ends_on),
    };
    const top = head(null, trial.title, t("trial.lead_plain", dates));
    if (!this.places.length) return [top, notice(t("error.figures")), draws(trial, this.protocol)];
    const pick = (scope) => {
      this.scope = scope;
      updateQuery({ jobcentre: scope });
      this.draw();
    };
    const controls = h(
      "div",
      { class: "controls" },
      choice({ label: t("trial.scope"), id: "scope", value: this.scope, options: this.scopes, onpick: pick }),
      this.scopes[0][0] === "" ? null : h("p", { class: "hint bare" }, t("trial.not_whole")),
    );
    this.draw();
    return [top, controls, this.body];
  }

  get(report, parameters = {}) {
    return api.get(api.trialPath(this.trial.id, report), { jobcentre: this.scope, ...parameters });
  }

  draw() {
    this.curve();
    const pilot = (promise) => promise.catch((error) => (error.code === "pilot_trial" ? null : Promise.reject(error)));
    setChildren(
      this.body,
      whenLoaded(this.get("flow"), (flow) => (showWatermark(flow.watermark), this.flow(flow))),
      this.curves,
      whenLoaded(pilot(this.get("effects")), (report) =>
        report ? effects(report, this.outcome, this.trial) : notice(t("trial.effects_pilot")),
      ),
      draws(this.trial, this.protocol),
      whenLoaded(api.get(api.trialPath(this.trial.id, "weekly-summary")), (summary) => sources(this.trial, summary)),
      whenLoaded(this.get("data-quality"), (report) => quality(this.trial, report)),
    );
  }

  // --- flow ---

  flow(flow) {
    const codes = (counts, list) =>
      Object.entries(counts)
        .filter(([, n]) => n)
        .map(([code, n]) => ({ name: word(list, code), value: number(n) }));
    const line = (name, n) => ({ name, value: number(n), strong: true });
    const day = flow.on < this.trial.ends_on ? flow.on : this.trial.ends_on;
    const arms = flow.arms
      .filter(this.isShown)
      .map((arm) => [
        [line(t("trial.flow_arm", { arm: word("Arm", arm.arm) }), arm.drawn)],
        [
          line(t("trial.flow_exited"), arm.exited.people),
          ...codes(arm.exited.by_reason, "ExitReason"),
          line(t("trial.flow_re_entered"), arm.re_entered),
        ],
        [
          line(t("trial.flow_in_trial", { date: date(flow.on) }), arm.in_trial),
          line(t("trial.flow_complete"), arm.complete),
        ],
      ]);
    const stages = [
      {
        main: [line(t("trial.flow_screened"), flow.screened)],
        side: [
          line(t("trial.flow_ineligible"), flow.ineligible.people),
          ...codes(flow.ineligible.by_code, "FailureCode"),
        ],
      },
      {
        main: [line(t("trial.flow_eligible"), flow.eligible.people)],
        side: [
          line(t("trial.flow_waiting"), flow.eligible.waiting),
          line(t("trial.flow_withdrawn"), flow.eligible.withdrawn),
        ],
      },
      { main: [line(t("trial.flow_drawn"), flow.eligible.drawn)] },
    ];
    const rows = this.flowRows(flow);
    return figure({
      id: "flow",
      title: t("trial.flow"),
      text: t("trial.flow_text"),
      draw: (width) => flowChart({ width, label: t("trial.flow"), stages, arms }),
      columns: [
        { key: "stage", label: t("trial.flow_stage"), head: true, value: (row) => row.stage },
        { key: "arm", label: t("jobcentre.arm"), value: (row) => row.arm },
        { key: "code", label: t("trial.flow_code"), value: (row) => row.code },
        {
          key: "people",
          label: t("trial.people"),
          kind: "number",
          value: (row) => row.people,
          show: (row) => number(row.people),
        },
      ],
      rows,
      file: `${this.trial.id}-flow-${day}`,
    });
  }

  flowRows(flow) {
    const row = (stage, people, arm = "", code = "") => ({ stage, people, arm, code });
    const coded = (stage, counts, list, arm) =>
      Object.entries(counts)
        .filter(([, n]) => n)
        .map(([code, n]) => row(stage, n, arm, word(list, code)));
    const stage = (name) => t(`trial.flow_${name}`);
    return [
      row(stage("screened"), flow.screened),
      row(stage("ineligible"), flow.ineligible.people),
      ...coded(stage("ineligible"), flow.ineligible.by_code, "FailureCode"),
      row(stage("eligible"), flow.eligible.people),
      ...["waiting", "withdrawn", "drawn"].map((each) => row(stage(each), flow.eligible[each])),
      ...flow.arms.filter(this.isShown).flatMap((arm) => {
        const name = word("Arm", arm.arm);
        return [
          row(stage("drawn"), arm.drawn, name),
          row(stage("exited"), arm.exited.people, name),
          ...coded(stage("exited"), arm.exited.by_reason, "ExitReason", name),
          row(stage("re_entered"), arm.re_entered, name),
          row(t("trial.flow_in_trial", { date: date(flow.on) }), arm.in_trial, name),
          row(stage("complete"), arm.complete, name),
        ];
      }),
    ];
  }

  // --- activity curve ---

  curve() {
    const pick = (key) => (value) => {
      this[key] = value;
      updateQuery({ [key]: value });
      render();
    };
    const place = h("div");
    const render = () =>
      setChildren(
        place,
        whenLoaded(this.get("activity-curve", { measure: this.measure }), (report) => this.curveFigures(report)),
      );
    const controls = h(
      "div",
      { class: "figure-controls spaced" },
      choice({
        label: t("trial.curve_measure"),
        id: "curve-measure",
        value: this.measure,
        options: MEASURES.map((each) => [each, word("CurveMeasure", each)]),
        onpick: pick("measure"),
      }),
      choice({
        label: t("trial.curve_analysis"),
        id: "curve-analysis",
        value: this.analysis,
        options: ANALYSES.map((each) => [each, word("Analysis", each)]),
        onpick: pick("analysis"),
      }),
    );
    render();
    setChildren(
      this.curves,
      h("h2", null, t("trial.curve")),
      h("p", { class: "figure-text" }, t("trial.curve_text")),
      controls,
      place,
    );
  }

  curveFigures(report) {
    const rows = report.items.filter((each) => each.analysis === this.analysis);
    const weeks = rows.map((each) => each.weeks_since_assignment);
    const common = {
      x: weeks.map((week) => `${t("trial.weeks_since")}: ${week}`),
      ticks: weeks.map((week, place) => ({ place, text: String(week) })).filter(({ place }) => place % 10 === 0),
      xTitle: t("trial.curve_x"),
    };
    const name = word("CurveMeasure", this.measure);
    const shares = ARMS.map((arm) => ({
      name: t(`arm.${arm}`),
      kind: arm,
      values: rows.map((each) => each[arm].share),
    }));
    const difference = {
      name: t("trial.difference"),
      kind: "difference",
      values: rows.map((each) => each.difference),
      low: rows.map((each) => each.difference_low),
      high: rows.map((each) => each.difference_high),
    };
    const columns = [
      {
        key: "week",
        label: t("trial.weeks_since"),
        head: true,
        kind: "number",
        value: (row) => row.weeks_since_assignment,
      },
      ...ARMS.map((arm) => ({
        key: arm,
        label: t(`arm.${arm}`),
        kind: "number",
        value: (row) => row[arm].share,
        show: (row) => percent(row[arm].share),
      })),
      ...ARMS.map((arm) => ({
        key: `n-${arm}`,
        label: t("trial.n", { arm: t(`arm.${arm}`) }),
        kind: "number",
        value: (row) => row[arm].n,
        show: (row) => number(row[arm].n),
      })),
      ...differences(points),
      {
        key: "sum",
        label: t("trial.sum"),
        kind: "number",
        value: (row) => row.running_sum,
        show: (row) => decimal(row.running_sum),
      },
    ];
    const file = `${this.trial.id}-${this.measure}-${this.analysis}`;
    const randomised = isRandomised(this.protocol);
    return [
      figure({
        id: "curve",
        level: 3,
        title: name,
        legend: ARMS.map((arm) => [arm, t(`arm.${arm}`)]),
        draw: (width) =>
          lineChart({
            width,
            label: `${t("trial.curve")}: ${name}`,
            ...common,
            series: shares,
            y: { from: 0, to: 1, show: roundPercent },
          }),
        columns,
        rows,
        file,
      }),
      randomised &&
        figure({
          id: "curve-difference",
          level: 3,
          title: t("trial.curve_difference"),
          text: t("trial.curve_difference_text", { sum: decimal(rows.at(-1)?.running_sum) }),
          legend: [
            ["difference", t("trial.difference")],
            ["band", t("trial.effects_interval")],
          ],
          draw: (width) =>
            lineChart({
              width,
              label: `${t("trial.curve_difference")}: ${name}`,
              ...common,
              series: [difference],
              y: { show: points, tick: roundPoints },
            }),
          columns,
          rows,
          file: `${file}-difference`,
        }),
    ];
  }
}
