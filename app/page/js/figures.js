// The weekly summary as the views use it: rows by jobcentre, arm and week, and which weeks there are.

import * as api from "./api.js";
import { between, dayOf, plus, span, weekOf } from "./weeks.js";

export const MEASURES = ["conversation", "activation", "workplace"];

/** Counts behind each rate: done of due. */
export const COUNTS = {
  conversation: ["conversation_held", "conversation_due"],
  activation: ["activated", "activation_due"],
  workplace: ["workplace_activated", "activation_due"],
};

/** The threshold of a rate as a share, null where the protocol has none. */
export function thresholdOf(protocol, measure) {
  const percent = protocol.parameters.thresholds?.value?.[measure];
  return percent === undefined ? null : percent / 100;
}

/** Whether the protocol measures contacts on average, in place of weekly duties. */
export const isAverage = (protocol) => protocol.parameters.cadence?.value === "average";

/** Whether there is a draw, and so a control arm. */
export const isRandomised = (protocol) => protocol.parameters.design?.value === "randomised";

/** The weeks of a trial that can be looked at on a day; `running` is the one that is not over, `last` the last over. */
export function weeksOf(trial, as_of) {
  const first = weekOf(trial.intake_from);
  const now = weekOf(as_of);
  const end = weekOf(trial.ends_on);
  const running = between(now, end) >= 0 && between(first, now) >= 0 ? now : null;
  const last = running ? plus(running, -1) : between(first, now) < 0 ? null : end;
  return { weeks: span(first, running ?? last ?? plus(first, -1)), running, last };
}

/** Everything that the summary says up to now, or null where the token reads no figures. */
export async function load(trial) {
  const path = api.trialPath(trial.id, "weekly-summary");
  const latest = await api.nullIfHidden(api.get(path));
  if (latest === null) return null;
  const { weeks, running, last } = weeksOf(trial, latest.as_of);
  const whole = weeks.length ? await api.get(path, { from: weeks[0], week: weeks.at(-1) }) : { items: [] };
  const rows = new Map();
  for (const row of whole.items) {
    const code = row.group.jobcentre;
    if (!rows.has(code)) rows.set(code, { treatment: new Map(), control: new Map() });
    rows.get(code)[row.arm].set(row.week, row);
  }
  return { as_of: latest.as_of, watermark: latest.watermark, sources: latest.sources, weeks, running, last, rows };
}

/** A rate of a row, cumulative or of the week alone; null where there is no row or nothing was due. */
export const rate = (row, measure, alone = false) => (alone ? row : row?.cumulative)?.[`${measure}_rate`] ?? null;

/** A rate in every week, null after `until`. */
export const rates = (figures, code, arm, measure, alone = false) =>
  figures.weeks.map((week) => rate(figures.rows.get(code)?.[arm].get(week), measure, alone));

/** The week of the address where it is one of these, or another. */
export const chosenWeek = (requested, weeks, otherwise) => (weeks.includes(requested) ? requested : otherwise);

/** Whether a week is over on a day. */
export const isOver = (week, as_of) => dayOf(week, 6) < as_of;
