// The effect by intention to treat: curves of both arms, the difference after some weeks, the best outcome so far.

import { lineChart } from "../charts/line.js";
import { h, setChildren } from "../dom.js";
import { decimal, number, percent, points, roundPercent, t, word } from "../i18n.js";
import { updateQuery } from "../route.js";
import { figure } from "./figure.js";
import { notice } from "./notice.js";
import { choice } from "./pick.js";
import { table } from "./table.js";

const ARMS = ["treatment", "control"];
const HOURS = ["hours", "accumulated_hours"];

const howShown = (outcome) => (HOURS.includes(outcome) ? decimal : percent);
const howDiffers = (outcome) => (HOURS.includes(outcome) ? decimal : points);
const interval = (estimate, show) => (estimate ? `${show(estimate.low)} – ${show(estimate.high)}` : null);
const probability = (p) =>
  p === null || p === undefined
    ? null
    : p < 0.001
      ? "< 0,001".replace(",", decimal(0.5).charAt(1))
      : decimal(Math.round(p * 1000) / 1000);

export function effects(report, preselected, trial) {
  const outcomes = [...new Set(report.items.map((each) => each.outcome))];
  // No jobcentre's own effect is shown here, so the warning of comparing many of them is not needed.
  const warnings = report.warnings.filter((code) => code !== "multiple_comparisons");
  const compared = report.effects.filter((each) => each.difference !== null);
  const place = h("div");
  const show = (outcome) => setChildren(place, curve(report, outcome, trial));
  const chosen = outcomes.includes(preselected) ? preselected : outcomes[0];
  if (chosen) show(chosen);
  const pick = (outcome) => {
    updateQuery({ outcome });
    show(outcome);
  };
  const options = outcomes.map((each) => [each, word("OutcomeMeasure", each)]);
  return h(
    "section",
    null,
    h("h2", null, t("trial.effects")),
    h(
      "p",
      { class: "figure-text" },
      t("trial.effects_text"),
      " ",
      t("trial.effects_hidden", { n: report.smallest_group }),
    ),
    warnings.map((code) => notice(t(`explain.EffectWarning.${code}`))),
    chosen
      ? [
          h(
            "div",
            { class: "figure-controls spaced" },
            choice({ label: t("trial.effects_outcome"), id: "outcome", value: chosen, options, onpick: pick }),
          ),
          place,
        ]
      : h("p", null, t("trial.effects_none")),
    compared.length ? summary(report, compared, trial) : null,
    report.success.length ? success(report, trial) : null,
  );
}

function curve(report, outcome, trial) {
  const rows = report.items.filter((each) => each.outcome === outcome);
  const show = howShown(outcome);
  const name = word("OutcomeMeasure", outcome);
  const series = ARMS.map((arm) => ({ name: t(`arm.${arm}`), kind: arm, values: rows.map((each) => each[arm].mean) }));
  const weeks = rows.map((each) => each.weeks_since_assignment);
  return figure({
    id: "effects",
    level: 3,
    title: name,
    legend: ARMS.map((arm) => [arm, t(`arm.${arm}`)]),
    draw: (width) =>
      lineChart({
        width,
        label: `${t("trial.effects")}: ${name}`,
        x: weeks.map((week) => `${t("trial.weeks_since")}: ${week}`),
        ticks: weeks.map((week, place) => ({ place, text: String(week) })).filter(({ place }) => place % 10 === 0),
        xTitle: t("trial.curve_x"),
        series,
        y: { from: 0, show: HOURS.includes(outcome) ? decimal : roundPercent },
      }),
    columns: [
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
        value: (row) => row[arm].mean,
        show: (row) => show(row[arm].mean),
      })),
      ...ARMS.map((arm) => ({
        key: `n-${arm}`,
        label: t("trial.n", { arm: t(`arm.${arm}`) }),
        kind: "number",
        value: (row) => row[arm].people,
        show: (row) => number(row[arm].people),
      })),
      ...differences(howDiffers(outcome)),
    ],
    rows,
    file: `${trial.id}-${outcome}`,
  });
}

/** The columns of a difference with its interval. */
export const differences = (show) => [
  {
    key: "difference",
    label: t("trial.difference"),
    kind: "number",
    value: (row) => row.difference,
    show: (row) => show(row.difference),
  },
  {
    key: "low",
    label: t("trial.low"),
    kind: "number",
    value: (row) => row.difference_low,
    show: (row) => show(row.difference_low),
  },
  {
    key: "high",
    label: t("trial.high"),
    kind: "number",
    value: (row) => row.difference_high,
    show: (row) => show(row.difference_high),
  },
];

function summary(report, compared, trial) {
  const title = t("trial.effects_summary", { weeks: report.after_weeks });
  const p = (estimate) => probability(estimate?.p_value);
  const columns = [
    {
      key: "outcome",
      label: t("trial.effects_outcome"),
      head: true,
      value: (row) => word("OutcomeMeasure", row.outcome),
    },
    {
      key: "difference",
      label: t("trial.difference"),
      kind: "number",
      value: (row) => row.difference,
      show: (row) => howDiffers(row.outcome)(row.difference),
    },
    ...["stratified", "clustered"].flatMap((kind) => [
      {
        key: kind,
        label: `${t("trial.effects_interval")} (${t(`trial.${kind}`)})`,
        value: (row) => interval(row[kind], (each) => each),
        show: (row) => interval(row[kind], howDiffers(row.outcome)),
      },
      {
        key: `p-${kind}`,
        label: `${t("trial.effects_p")} (${t(`trial.${kind}`)})`,
        kind: "number",
        value: (row) => row[kind]?.p_value ?? null,
        show: (row) => p(row[kind]),
      },
    ]),
  ];
  const rank = report.log_rank;
  const text = rank ? t("trial.log_rank", { chi: decimal(rank.chi_squared), p: probability(rank.p_value) }) : null;
  return figure({
    id: "after",
    level: 3,
    title,
    text,
    content: () => table({ caption: title, columns, rows: compared, wide: true }),
    draw: null,
    columns,
    rows: compared,
    file: `${trial.id}-effects`,
  });
}

/** A share, or a word where the group is too small to be shown. */
const unlessHidden = (cell) => (cell.hidden ? t("trial.hidden") : percent(cell.mean));

function success(report, trial) {
  const name = (row) => (row.criterion ? word("Criterion", row.criterion) : t("trial.success_none"));
  const columns = [
    { key: "what", label: t("trial.success_what"), head: true, value: name },
    ...ARMS.map((arm) => ({
      key: arm,
      label: t(`arm.${arm}`),
      kind: "number",
      value: (row) => row[arm].mean,
      show: (row) => unlessHidden(row[arm]),
    })),
    ...differences(points),
  ];
  return figure({
    id: "success",
    level: 3,
    title: t("trial.success"),
    text: t("trial.success_text"),
    content: () => table({ caption: t("trial.success"), columns, rows: report.success, wide: true }),
    draw: null,
    columns,
    rows: report.success,
    file: `${trial.id}-success`,
  });
}
