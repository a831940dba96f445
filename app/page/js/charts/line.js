// Lines over weeks: two arms, a threshold, an interval; and the same small, for panels and table cells.

import { add, s } from "../dom.js";

/** From values to places. */
export const scale = (from, to, start, end) => (value) => start + ((value - from) / (to - from || 1)) * (end - start);

/** The corners of a line; gaps where a value is null. */
export function path(values, x, y) {
  let pen = "M";
  let text = "";
  values.forEach((value, place) => {
    if (value === null || value === undefined) {
      pen = "M";
      return;
    }
    text += `${pen}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return text;
}

/** The area between two lines, over the places where both are there. */
function between(low, high, x, y) {
  const places = low.map((_, place) => place).filter((place) => low[place] !== null && high[place] !== null);
  if (!places.length) return "";
  const corner = (values) => (place) => `${x(place).toFixed(1)} ${y(values[place]).toFixed(1)}`;
  return `M${places.map(corner(high)).join("L")}L${places.reverse().map(corner(low)).join("L")}Z`;
}

const numbers = (series) =>
  series
    .flatMap((each) => [each.values, each.low ?? [], each.high ?? []])
    .flat()
    .filter((value) => value !== null);

/** Round numbers that cover what is there: at most six marks. */
function marks(from, to) {
  const raw = (to - from) / 4 || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const steps = unit >= 0.1 ? [1, 2, 2.5, 5, 10] : [1, 2, 5, 10]; // whole per cents
  const step = steps.find((each) => each * unit >= raw) * unit;
  const first = Math.floor(from / step + 1e-9);
  const last = Math.ceil(to / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * step);
}

/**
 * A line chart. `x` names every place; `series` are {name, kind, values, low?, high?, step?}; `y` is {from?, to?, show, tick?};
 * `at` is the place that is looked at. A readout follows the pointer.
 */
export function lineChart({ width, height = 260, label, x, ticks, xTitle, series, threshold = null, y, at = null }) {
  const values = [...numbers(series), ...(threshold === null ? [] : [threshold])];
  const from = y.from ?? Math.min(0, ...values);
  const heights = marks(from, Math.max(y.to ?? Math.max(0, ...values), from + 0.1)); // lines at zero need a height too
  const [low, high] = [heights[0], heights.at(-1)];
  const box = { left: 46, right: width - 12, top: 14, bottom: height - (xTitle ? 44 : 28) };
  const across = scale(0, Math.max(1, x.length - 1), box.left, box.right);
  const up = scale(low, high, box.bottom, box.top);
  const svg = s("svg", {
    class: "chart",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": label,
  });
  for (const value of heights) {
    add(svg, [
      s("line", { class: value === 0 ? "axis" : "grid", x1: box.left, x2: box.right, y1: up(value), y2: up(value) }),
      s("text", { class: "tick", x: box.left - 8, y: up(value) + 4, "text-anchor": "end" }, (y.tick ?? y.show)(value)),
    ]);
  }
  const shown = spaced(ticks, across, 64);
  for (const { place, text } of shown) {
    add(
      svg,
      s("text", { class: "tick", x: across(place), y: box.bottom + 18, "text-anchor": anchor(place, x.length) }, text),
    );
  }
  if (xTitle)
    add(
      svg,
      s("text", { class: "axis-title", x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" }, xTitle),
    );
  if (threshold !== null)
    add(svg, s("line", { class: "threshold", x1: box.left, x2: box.right, y1: up(threshold), y2: up(threshold) }));
  if (at !== null) add(svg, s("line", { class: "now", x1: across(at), x2: across(at), y1: box.top, y2: box.bottom }));
  for (const each of series) {
    if (each.low) add(svg, s("path", { class: `band ${each.kind}`, d: between(each.low, each.high, across, up) }));
  }
  for (const each of series) add(svg, s("path", { class: `line ${each.kind}`, d: path(each.values, across, up) }));
  follow(svg, { box, across, x, series, y });
  return svg;
}

const anchor = (place, length) => (place === 0 ? "start" : place === length - 1 ? "end" : "middle");

/** Ticks with room between them; the first one wins. */
function spaced(ticks, across, room) {
  let last = -Infinity;
  return ticks.filter(({ place }) => {
    if (across(place) - last < room) return false;
    last = across(place);
    return true;
  });
}

/** A line and the values under the pointer. It repeats what the table says, so it is hidden from screen readers. */
function follow(svg, { box, across, x, series, y }) {
  const line = s("line", { class: "cursor", y1: box.top, y2: box.bottom });
  const text = s("text", { class: "readout", y: box.top - 2 });
  const group = s("g", { "aria-hidden": "true", visibility: "hidden" }, line, text);
  add(svg, group);
  svg.addEventListener("pointerleave", () => group.setAttribute("visibility", "hidden"));
  svg.addEventListener("pointermove", (event) => {
    const seen = event.clientX - svg.getBoundingClientRect().left;
    const place = Math.round(((seen - box.left) / (box.right - box.left)) * (x.length - 1));
    if (place < 0 || place >= x.length) return;
    group.setAttribute("visibility", "visible");
    const right = across(place) > (box.left + box.right) / 2;
    line.setAttribute("x1", across(place));
    line.setAttribute("x2", across(place));
    text.setAttribute("x", across(place) + (right ? -6 : 6));
    text.setAttribute("text-anchor", right ? "end" : "start");
    text.textContent = [x[place], ...series.map((each) => `${each.name} ${y.show(each.values[place])}`)].join("  ·  ");
  });
}

/** A line in a table cell, with its threshold and the place that is looked at. Said in words beside it. */
export function sparkline({ width = 64, height = 24, values, threshold = null, at = null, kind = "treatment" }) {
  const x = scale(0, Math.max(1, values.length - 1), 2, width - 3);
  const y = scale(0, 1, height - 2, 2);
  return s(
    "svg",
    { class: "spark", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    threshold === null ? null : s("line", { class: "threshold", x1: 0, x2: width, y1: y(threshold), y2: y(threshold) }),
    s("path", { class: `line ${kind}`, d: path(values, x, y) }),
    at === null || values[at] === null || values[at] === undefined
      ? null
      : s("circle", { class: `dot ${kind}`, cx: x(at), cy: y(values[at]), r: 2.6 }),
  );
}

/** Panels alike, one for each group: {title, series, note}; all on one scale from 0 to 1. */
export function panels({ width, label, groups, threshold, at, show, length }) {
  const columns = Math.max(2, Math.min(6, Math.floor(width / 180)));
  const gap = 22;
  const each = (width - gap * (columns - 1)) / columns;
  const tall = 112;
  const rows = Math.ceil(groups.length / columns);
  const height = rows * tall;
  const svg = s("svg", {
    class: "chart",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": label,
  });
  groups.forEach((group, place) => {
    const left = (place % columns) * (each + gap);
    const top = Math.floor(place / columns) * tall;
    const x = scale(0, Math.max(1, length - 1), 0, each);
    const y = scale(0, 1, 82, 26);
    add(
      svg,
      s(
        "g",
        { transform: `translate(${left.toFixed(1)} ${top})` },
        s("text", { class: "panel-title", x: 0, y: 14 }, group.title),
        s(
          "text",
          { class: "tick", x: each, y: 14, "text-anchor": "end" },
          show(group.series[0].values[at ?? length - 1]),
        ),
        s("line", { class: "axis", x1: 0, x2: each, y1: y(0), y2: y(0) }),
        s("line", { class: "grid", x1: 0, x2: each, y1: y(1), y2: y(1) }),
        threshold === null
          ? null
          : s("line", { class: "threshold", x1: 0, x2: each, y1: y(threshold), y2: y(threshold) }),
        at === null ? null : s("line", { class: "now", x1: x(at), x2: x(at), y1: y(1), y2: y(0) }),
        [...group.series]
          .reverse()
          .map((line) => s("path", { class: `line ${line.kind}`, d: path(line.values, x, y) })),
      ),
    );
  });
  return svg;
}
