// The way of people through a trial (CONSORT): boxes with a number on every line, arrows between them.

import { add, s } from "../dom.js";

const LINE = 20;
const PAD = 12;
const GAP = 30;

/** Breaks a text so that it fits into so many pixels, at about 6.8 a letter. */
function wrapped(text, room) {
  const most = Math.max(8, Math.floor(room / 6.8));
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1) && `${lines.at(-1)} ${word}`.length > most) lines.push("");
    lines[lines.length - 1] += (lines.at(-1) ? " " : "") + word;
  }
  return lines;
}

/** A box of lines {name, value, strong?}: names to the left, numbers under each other to the right. */
function box(lines, width) {
  const group = s("g");
  let y = PAD;
  for (const { name, value, strong } of lines) {
    const parts = wrapped(name, width - 2 * PAD - (strong ? 44 : 56));
    parts.forEach((part, place) => {
      const at = { class: strong ? "panel-title" : "soft", y: y + 15 + place * LINE };
      add(group, s("text", { ...at, x: PAD + (strong ? 0 : 10) }, part));
      if (place === 0) add(group, s("text", { ...at, x: width - PAD, "text-anchor": "end" }, value));
    });
    y += parts.length * LINE;
  }
  const height = y + PAD;
  group.prepend(s("rect", { class: "flow-box", x: 0.5, y: 0.5, width: width - 1, height, rx: 4 }));
  return { group, width, height };
}

const arrow = (x1, y1, x2, y2) => {
  const tip =
    x1 === x2
      ? `M${x2 - 4} ${y2 - 7}L${x2} ${y2 - 1}L${x2 + 4} ${y2 - 7}`
      : `M${x2 - 7} ${y2 - 4}L${x2 - 1} ${y2}L${x2 - 7} ${y2 + 4}`;
  return s("path", { class: "flow-arrow", d: `M${x1} ${y1}L${x2} ${y2}${tip}` });
};

/** `stages` are {main, side?}, from the top; `arms` a list of boxes for each arm. */
export function flowChart({ width: given, label, stages, arms }) {
  const width = Math.min(given, 940);
  const narrow = width < 640;
  const main = narrow ? width : Math.min(300, width * 0.36);
  const middle = narrow ? width / 2 : width * 0.27;
  const indent = narrow ? 28 : middle + main / 2 + 44;
  const svg = s("svg", { class: "chart flow", role: "img", "aria-label": label });
  let y = 0;
  const place = (made, x, top) => {
    made.group.setAttribute("transform", `translate(${x.toFixed(1)} ${top})`);
    add(svg, made.group);
  };
  stages.forEach(({ main: lines, side }, at) => {
    const centre = box(lines, main);
    place(centre, middle - main / 2, y);
    let bottom = y + centre.height;
    if (side) {
      const beside = box(side, Math.min(380, width - indent));
      const top = bottom + 12;
      place(beside, indent, top);
      add(
        svg,
        narrow
          ? arrow(12, bottom, 12, top + 26)
          : arrow(middle, top + beside.height / 2, indent, top + beside.height / 2),
      );
      bottom = top + beside.height;
    }
    const next = bottom + (side && !narrow ? 12 : GAP);
    if (at < stages.length - 1 && !narrow) add(svg, arrow(middle, y + centre.height, middle, next));
    y = next;
  });
  const gap = narrow ? 10 : 36;
  const each = (width - gap * (arms.length - 1)) / arms.length;
  const last = y - GAP;
  const tops = arms.map(() => y + (narrow ? 0 : 14));
  arms.forEach((boxes, arm) => {
    const x = arm * (each + gap);
    if (!narrow)
      add(svg, [
        s("path", { class: "flow-arrow", d: `M${middle} ${last}V${last + 22}H${x + each / 2}` }),
        arrow(x + each / 2, last + 22, x + each / 2, tops[arm]),
      ]);
    boxes.forEach((lines, at) => {
      const made = box(lines, each);
      if (at) add(svg, arrow(x + each / 2, tops[arm] - GAP, x + each / 2, tops[arm]));
      place(made, x, tops[arm]);
      tops[arm] += made.height + GAP;
    });
  });
  const height = Math.max(...tops) - GAP + 4;
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  return svg;
}
