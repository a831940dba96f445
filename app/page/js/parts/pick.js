// Controls: a slider for weeks, a select for options.

import { h } from "../dom.js";
import { current, t, week as weekName } from "../i18n.js";

/** A week between the first and the last: a slider with a step to either side. Calls `onpick` with every new week. */
export function weekPicker({ weeks, week, running, onpick }) {
  const name = (each) => (each === running ? t("pick.running", { week: weekName(each) }) : weekName(each));
  const output = h("output", { class: "picked", for: "week" });
  const slider = h("input", {
    type: "range",
    id: "week",
    min: "0",
    max: String(weeks.length - 1),
    step: "1",
    value: String(weeks.indexOf(week)),
  });
  const step = (by) => () => {
    slider.value = String(Number(slider.value) + by);
    changed();
  };
  const earlier = h(
    "button",
    { type: "button", class: "step", "aria-label": t("pick.earlier"), onclick: step(-1) },
    "←",
  );
  const later = h("button", { type: "button", class: "step", "aria-label": t("pick.later"), onclick: step(1) }, "→");
  const update = () => {
    const place = Number(slider.value);
    output.textContent = name(weeks[place]);
    slider.setAttribute("aria-valuetext", name(weeks[place]));
    earlier.toggleAttribute("disabled", place === 0);
    later.toggleAttribute("disabled", place === weeks.length - 1);
    slider.style.setProperty("--done", `${(100 * place) / Math.max(1, weeks.length - 1)}%`);
  };
  const changed = () => {
    update();
    onpick(weeks[Number(slider.value)]);
  };
  slider.addEventListener("input", changed);
  update();
  return h(
    "div",
    { class: "week-picker" },
    h("label", { for: "week" }, t("pick.week")),
    earlier,
    slider,
    later,
    output,
  );
}

/** One of several: [[value, name]]. */
export function choice({ label, options, value, onpick, id }) {
  return h(
    "span",
    { class: "choice" },
    h("label", { for: id }, label),
    h(
      "select",
      { id, value, lang: current(), onchange: (event) => onpick(event.target.value) },
      options.map(([code, name]) => h("option", { value: code }, name)),
    ),
  );
}
