// A person's course as a strip of weeks, thirteen (a quarter) to a line.

import { add, s } from "../dom.js";

const A_LINE = 13;
const TALL = 82;

/**
 * `items` are {week, label, number, state, talk, offer, partly, deviations, exit, entry}: `talk` is held, remote, missing
 * or null, `offer` workplace, active, due or null. `onpick(place)` is called with the week that was chosen.
 */
export function strip({ width, label, items, chosen, lineName, onpick = null }) {
  const margin = width > 700 ? 96 : 0;
  const each = Math.min(86, Math.floor((width - margin) / A_LINE));
  const line = TALL + (margin ? 12 : 30);
  const lines = Math.ceil(items.length / A_LINE);
  const height = lines * line;
  const svg = s(
    "svg",
    { class: "chart strip", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label },
    patterns(),
  );
  items.forEach((item, place) => {
    const left = margin + (place % A_LINE) * each;
    const top = Math.floor(place / A_LINE) * line + (margin ? 0 : 20);
    if (place % A_LINE === 0) {
      const at = margin ? { x: margin - 12, y: top + 20, "text-anchor": "end" } : { x: 0, y: top - 6 };
      add(svg, s("text", { class: "tick", ...at, "aria-hidden": "true" }, lineName(item.week)));
    }
    add(svg, cell(item, { left, top, each, place, chosen, onpick, items }));
  });
  return svg;
}

function patterns() {
  return s(
    "defs",
    null,
    s(
      "pattern",
      { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("rect", { class: "blank", width: 6, height: 6 }),
      s("line", { class: "hatching", x1: 0, x2: 0, y1: 0, y2: 6 }),
    ),
    s(
      "pattern",
      { id: "dots", width: 7, height: 7, patternUnits: "userSpaceOnUse" },
      s("rect", { class: "blank", width: 7, height: 7 }),
      s("circle", { class: "dotting", cx: 3.5, cy: 3.5, r: 1.3 }),
    ),
  );
}

function cell(item, { left, top, each, place, chosen, onpick, items }) {
  const pick = () => onpick?.(place);
  const group = s("g", {
    class: `week ${item.state}${place === chosen ? " chosen" : ""}`,
    transform: `translate(${left} ${top})`,
    role: onpick ? "button" : null,
    tabindex: onpick ? (place === chosen ? "0" : "-1") : null,
    "aria-label": item.label,
    "aria-pressed": onpick ? String(place === chosen) : null,
    "data-place": place,
    onclick: pick,
    onkeydown: (event) => onpick && move(event, place, items.length, pick),
  });
  const wide = each - 3;
  const middle = wide / 2;
  add(group, [
    s("rect", { class: "ground", width: wide, height: TALL }),
    item.partly ? s("rect", { class: "partly", width: wide, height: 6 }) : null,
    item.number === null
      ? null
      : s(
          "text",
          { class: "week-number", x: middle, y: 21, "text-anchor": "middle", "aria-hidden": "true" },
          String(item.number),
        ),
    talk(item.talk, middle),
    offer(item.offer, wide),
    item.deviations ? s("path", { class: "deviation", d: `M${middle - 5} 76L${middle + 5} 76L${middle} 67Z` }) : null,
    item.exit ? s("path", { class: "gate", d: `M${wide - 2} 2V${TALL - 2}M${wide - 9} 5l6 5l-6 5` }) : null,
    item.entry ? s("path", { class: "gate", d: `M2 2V${TALL - 2}M9 5l-6 5l6 5` }) : null,
    s("rect", { class: "frame", x: 0.5, y: 0.5, width: wide - 1, height: TALL - 1 }),
  ]);
  return group;
}

function talk(kind, x) {
  if (kind === "held") return s("circle", { class: "talk held", cx: x, cy: 33, r: 5.5 });
  if (kind === "remote") return s("circle", { class: "talk remote", cx: x, cy: 33, r: 4.8 });
  if (kind === "missing")
    return s("path", { class: "talk missing", d: `M${x - 5} 28L${x + 5} 38M${x + 5} 28L${x - 5} 38` });
  return null;
}

function offer(kind, wide) {
  if (!kind) return null;
  const inset = Math.max(2, wide * 0.1);
  return s("rect", {
    class: `offer ${kind}`,
    x: inset,
    y: kind === "active" ? 53 : 48,
    width: wide - 2 * inset,
    height: kind === "active" ? 6 : 11,
  });
}

/** Arrow keys go from week to week, and from line to line. */
function move(event, place, length, pick) {
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: A_LINE, ArrowUp: -A_LINE }[event.key];
  const to = event.key === "Home" ? 0 : event.key === "End" ? length - 1 : by === undefined ? null : place + by;
  if (event.key === "Enter" || event.key === " ") pick();
  else if (to === null) return;
  else if (to >= 0 && to < length)
    event.currentTarget.ownerSVGElement.querySelector(`[data-place="${to}"]`).dispatchEvent(new MouseEvent("click"));
  event.preventDefault();
}

/** Weeks used of all, as a row of fields; a stronger gap after every quarter. */
export function meter({ width, used, all }) {
  const gap = 8;
  const each = (width - gap * Math.floor((all - 1) / A_LINE)) / all;
  const svg = s("svg", { class: "meter", width, height: 22, viewBox: `0 0 ${width} 22`, "aria-hidden": "true" });
  for (let place = 0; place < all; place++) {
    const x = place * each + Math.floor(place / A_LINE) * gap;
    add(
      svg,
      s("rect", { class: place < used ? "used" : "left", x: x + 0.5, y: 1, width: Math.max(2, each - 2), height: 20 }),
    );
  }
  return svg;
}
