// A figure: chart with title, legend, table of the same values, and downloads.

import { csv, png, save, svgText } from "../export.js";
import { h, setChildren } from "../dom.js";
import { t } from "../i18n.js";
import { updateQuery, read } from "../route.js";
import { table } from "./table.js";

const shownAsTable = () => (read().query.get("table") ?? "").split(".").filter(Boolean);

/**
 * `draw(width)` gives the SVG; `columns` and `rows` the table of the same figures. Whether the table is shown is in the
 * address. `controls` stand between title and chart. With `content` that is shown, being a table already, and the SVG is
 * only to take along; without `draw` there is none.
 */
export function figure({
  id,
  title,
  level = 2,
  text = null,
  legend = [],
  draw,
  content = null,
  columns,
  rows,
  file,
  controls = null,
}) {
  const body = h("div", { class: "figure-body" });
  const heading = h(`h${level}`, { id: `figure-${id}` }, title);
  let width = 0;
  let asTable = shownAsTable().includes(id);

  const toggle = h("button", { type: "button", class: "quiet", onclick: () => switchTo(!asTable) });
  const render = () => {
    toggle.textContent = asTable ? t("figure.as_chart") : t("figure.as_table");
    toggle.setAttribute("aria-label", `${toggle.textContent}: ${title}`);
    if (content) setChildren(body, content());
    else if (asTable) setChildren(body, table({ caption: title, columns, rows, empty: t("figure.nothing") }));
    else if (!rows.length) setChildren(body, h("p", { class: "empty" }, t("figure.nothing")));
    else if (width) setChildren(body, h("div", { class: "drawing" }, draw(width)));
  };
  const switchTo = (wanted) => {
    asTable = wanted;
    const others = shownAsTable().filter((each) => each !== id);
    updateQuery({ table: [...others, ...(asTable ? [id] : [])].join(".") });
    render();
  };
  const saveChart = (kind) => async () => {
    const picture = svgText(body.querySelector("svg.chart") ?? hidden(draw, body), title);
    if (kind === "svg") save(picture, `${file}.svg`, "image/svg+xml");
    else save(await png(picture), `${file}.png`);
  };
  const button = (label, onclick) =>
    h(
      "button",
      { type: "button", class: "quiet", "aria-label": `${t("figure.save", { kind: label })}: ${title}`, onclick },
      label,
    );
  const tools = h(
    "div",
    { class: "tools" },
    content ? null : toggle,
    h(
      "span",
      { class: "save" },
      h("span", { "aria-hidden": "true" }, t("figure.download")),
      button("CSV", () => save(csv(columns, rows), `${file}.csv`, "text/csv;charset=utf-8")),
      draw ? [button("SVG", saveChart("svg")), button("PNG", saveChart("png"))] : null,
    ),
  );
  const frame = h(
    "figure",
    { class: "figure", "aria-labelledby": `figure-${id}` },
    h("div", { class: "figure-head" }, heading, tools),
    text ? h("p", { class: "figure-text" }, text) : null,
    controls,
    legend.length
      ? h(
          "ul",
          { class: "legend" },
          legend.map(([kind, name]) => h("li", { class: `key ${kind}` }, name)),
        )
      : null,
    body,
  );
  new ResizeObserver(() => {
    const seen = Math.floor(body.clientWidth);
    if (content || !seen || seen === width) return;
    width = seen;
    render();
  }).observe(body);
  render();
  return frame;
}

/** The chart while its table is shown: drawn for a moment where nobody sees it, so that styles reach it. */
function hidden(draw, body) {
  const svg = draw(body.clientWidth || 900);
  const place = h("div", { class: "offstage", "aria-hidden": "true" }, svg);
  body.append(place);
  setTimeout(() => place.remove());
  return svg;
}
