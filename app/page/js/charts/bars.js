// Bars: a rate against its threshold, and counts by kind.

import { add, s } from "../dom.js";
import { scale } from "./line.js";

/** A rate on a track from 0 to 1: the treatment arm as a bar, the threshold as a stroke, the control arm as a diamond. */
export function bullet({ width = 104, height = 18, value, threshold = null, control = null, standing = null }) {
  const x = scale(0, 1, 1, width - 1);
  const middle = height / 2;
  return s(
    "svg",
    { class: "bullet", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    s("rect", { class: "track", x: 1, y: middle - 5, width: width - 2, height: 10 }),
    value === null
      ? null
      : s("rect", {
          class: `bar ${standing ?? "plain"}`,
          x: 1,
          y: middle - 5,
          width: Math.max(1, x(value) - 1),
          height: 10,
        }),
    threshold === null ? null : s("line", { class: "goal", x1: x(threshold), x2: x(threshold), y1: 0, y2: height }),
    control === null ? null : diamond(x(control), middle),
  );
}

/** The sign of the control arm. */
export const diamond = (x, y, size = 5) =>
  s("path", { class: "mark control", d: `M${x} ${y - size}L${x + size} ${y}L${x} ${y + size}L${x - size} ${y}Z` });

/** Horizontal bars with a name before and a number behind: [{name, value, kind?}]. */
export function countBars({ width, label, items, show }) {
  const row = 30;
  const height = Math.max(row, items.length * row);
  const narrow = width < 520;
  const start = narrow ? 0 : Math.min(300, width * 0.42);
  const tall = narrow ? 46 : row;
  const total = narrow ? items.length * tall : height;
  const x = scale(0, Math.max(1, ...items.map((each) => each.value)), start, width - 52);
  const svg = s("svg", {
    class: "chart",
    width,
    height: total,
    viewBox: `0 0 ${width} ${total}`,
    role: "img",
    "aria-label": label,
  });
  items.forEach((each, place) => {
    const top = place * tall;
    const middle = top + (narrow ? 31 : 15);
    add(svg, [
      s(
        "text",
        {
          class: "label",
          x: narrow ? 0 : start - 12,
          y: narrow ? top + 16 : middle + 5,
          "text-anchor": narrow ? "start" : "end",
        },
        each.name,
      ),
      s("rect", {
        class: `bar ${each.kind ?? "plain"}`,
        x: start,
        y: middle - 7,
        width: Math.max(each.value ? 2 : 0, x(each.value) - start),
        height: 14,
      }),
      s("text", { class: "value", x: x(each.value) + 7, y: middle + 5 }, show(each.value)),
    ]);
  });
  return svg;
}

/** Two arms on one line for each name: [{name, treatment, control}], shares from 0 to 1. */
export function dumbbells({ width, label, items, threshold = null, show }) {
  const row = 26;
  const height = items.length * row + 26;
  const start = Math.min(170, width * 0.36);
  const x = scale(0, 1, start, width - 20);
  const svg = s("svg", {
    class: "chart",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": label,
  });
  for (const value of [0, 0.25, 0.5, 0.75, 1]) {
    add(svg, [
      s("line", { class: "grid", x1: x(value), x2: x(value), y1: 0, y2: height - 20 }),
      s("text", { class: "tick", x: x(value), y: height - 5, "text-anchor": "middle" }, show(value)),
    ]);
  }
  if (threshold !== null)
    add(svg, s("line", { class: "threshold", x1: x(threshold), x2: x(threshold), y1: 0, y2: height - 20 }));
  items.forEach(({ name, treatment, control }, place) => {
    const y = place * row + 13;
    add(svg, [
      s("text", { class: "label", x: start - 14, y: y + 5, "text-anchor": "end" }, name),
      treatment === null || control === null
        ? null
        : s("line", { class: "link", x1: x(control), x2: x(treatment), y1: y, y2: y }),
      control === null ? null : diamond(x(control), y, 5.5),
      treatment === null ? null : s("circle", { class: "mark treatment", cx: x(treatment), cy: y, r: 5.2 }),
    ]);
  });
  return svg;
}

/** Rates against their thresholds, a row for each name and a column for each rate: a table's bullets as one picture. */
export function bulletGrid({ width, label, columns, rows }) {
  const row = 26;
  const start = 150;
  const each = (width - start) / columns.length;
  const height = 30 + rows.length * row;
  const svg = s("svg", {
    class: "chart",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": label,
  });
  columns.forEach((name, place) => add(svg, s("text", { class: "panel-title", x: start + place * each, y: 16 }, name)));
  rows.forEach(({ name, cells }, line) => {
    const y = 30 + line * row;
    add(svg, s("text", { class: "label", x: start - 14, y: y + 14, "text-anchor": "end" }, name));
    cells.forEach(({ text, ...cell }, place) => {
      const bar = bullet({ width: each - 76, ...cell });
      const inside = s("g", { transform: `translate(${(start + place * each).toFixed(1)} ${y})` }, [...bar.childNodes]);
      add(svg, [
        inside,
        s("text", { class: "value", x: start + (place + 1) * each - 20, y: y + 14, "text-anchor": "end" }, text),
      ]);
    });
  });
  return svg;
}
