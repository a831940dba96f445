// Downloads: tables as CSV, charts as SVG and PNG.

import { s } from "./dom.js";

const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-opacity",
  "stroke-linejoin",
  "stroke-linecap",
  "opacity",
  "visibility",
  "font-family",
  "font-size",
  "font-weight",
  "font-style",
  "text-anchor",
];

/** RFC 4180, with a mark that makes spreadsheets read UTF-8; nothing that they would run. */
export function csv(columns, rows) {
  const cell = (value) => {
    let text = value === null || value === undefined ? "" : String(value);
    if (typeof value === "string") {
      text = text.replace(/(^|[;,|\t\r\n])(\s*)(?=[=+\-@])/g, "$1$2'"); // whatever sign a spreadsheet splits at
      if (/^[\t\r\n]/.test(text)) text = `'${text}`;
    }
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const line = (values) => values.map(cell).join(",");
  return `\ufeff${[line(columns.map((each) => each.label)), ...rows.map((row) => line(columns.map((each) => each.value(row))))].join("\r\n")}\r\n`;
}

/** A chart as a file of its own, in light colours and with its title: styles become attributes. */
export function svgText(svg, title) {
  const root = document.documentElement;
  const theme = root.dataset.theme;
  root.dataset.theme = "light"; // for this turn only: nothing is painted before it is put back
  const copy = svg.cloneNode(true);
  const copies = copy.querySelectorAll("*");
  svg.querySelectorAll("*").forEach((each, place) => {
    const style = getComputedStyle(each);
    for (const name of STYLES) copies[place].setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "tabindex", "role"]) copies[place].removeAttribute(name);
  });
  if (theme === undefined) delete root.dataset.theme;
  else root.dataset.theme = theme;
  const { width, height } = svg.viewBox.baseVal;
  const head = 44;
  copy.setAttribute("viewBox", `-16 ${-head} ${width + 32} ${height + head + 16}`);
  copy.setAttribute("width", width + 32);
  copy.setAttribute("height", height + head + 16);
  for (const name of ["class", "style", "role", "aria-label"]) copy.removeAttribute(name);
  copy.prepend(
    s("title", null, title),
    s("rect", { x: -16, y: -head, width: width + 32, height: height + head + 16, fill: "#ffffff" }),
    s(
      "text",
      { x: 0, y: -18, "font-family": "sans-serif", "font-size": 16, "font-weight": 600, fill: "#1d2433" },
      title,
    ),
  );
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return new XMLSerializer().serializeToString(copy);
}

/** The same as pixels, twice as fine as on the screen. */
export async function png(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width * 2;
    canvas.height = image.height * 2;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => canvas.toBlob(done, "image/png"));
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Starts the download of a file. */
export function save(content, name, type) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
