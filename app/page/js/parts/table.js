// Tables: columns are {key, label, value(row), show?(row), kind?: "number", head?: true, hint?}.

import { add, h } from "../dom.js";
import { compare, t } from "../i18n.js";

/**
 * A table. Roles are written out because narrow screens lay rows out as blocks, which would take the meaning away.
 * With `sort` ({key, down}) and `onsort(key)` the headers are buttons.
 */
export function table({
  caption,
  columns,
  rows,
  sort = null,
  onsort = null,
  empty = null,
  wide = false,
  hideCaption = true,
}) {
  if (!rows.length && empty) return h("p", { class: "empty" }, empty);
  const heads = columns.map((column) => header(column, sort, onsort));
  const body = rows.map((row) =>
    h(
      "tr",
      { role: "row" },
      columns.map((column) => {
        const shown = column.show ? column.show(row) : column.value(row);
        const name = column.head ? "th" : "td";
        const role = column.head ? { role: "rowheader", scope: "row" } : { role: "cell" };
        const content = h(
          "div",
          { class: "cell" },
          shown === null || shown === undefined || shown === "" ? "–" : shown,
        );
        return h(
          name,
          { ...role, class: kindOf(column) },
          h("span", { class: "cell-label", "aria-hidden": "true" }, column.label),
          content,
        );
      }),
    ),
  );
  return h(
    "div",
    { class: `scroller${wide ? " stacks" : ""}`, tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { role: "table" },
      h("caption", { class: hideCaption ? "unseen" : null }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)),
      h("tbody", { role: "rowgroup" }, body),
    ),
  );
}

const kindOf = (column) => [column.kind ?? "text", column.key].join(" ");

function header(column, sort, onsort) {
  const here = sort?.key === column.key;
  const order = !onsort ? null : here ? (sort.down ? "descending" : "ascending") : "none";
  const cell = h("th", {
    role: "columnheader",
    scope: "col",
    class: kindOf(column),
    "aria-sort": order === "none" ? null : order,
  });
  if (!onsort || column.fixed) {
    add(cell, column.label);
  } else {
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" }, here ? (sort.down ? "↓" : "↑") : "");
    add(
      cell,
      h(
        "button",
        { type: "button", class: "sorter", "data-key": column.key, onclick: () => onsort(column.key) },
        column.label,
        arrow,
      ),
    );
  }
  if (column.hint) add(cell, h("span", { class: "hint" }, column.hint));
  return cell;
}

/** Rows by a column; what has no value comes last. */
export function sorted(rows, columns, { key, down }) {
  const column = columns.find((each) => each.key === key) ?? columns[0];
  const order = column.order ?? column.value;
  const sign = down ? -1 : 1;
  return [...rows].sort((first, second) => {
    const [a, b] = [order(first), order(second)];
    if (a === b) return 0;
    if (a === null || a === undefined) return 1;
    if (b === null || b === undefined) return -1;
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : compare(a, b));
  });
}

/** A small list of terms and what they are. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(Boolean)
      .map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, value ?? t("none")))),
  );
}
