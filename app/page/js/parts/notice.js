// What is said while something is fetched, and when it may not or cannot be shown.

import { ApiError } from "../api.js";
import { h, put } from "../dom.js";
import { t } from "../i18n.js";

/** A friendly sentence for a failure. */
export function sentenceOf(error) {
  if (!(error instanceof ApiError)) {
    console.error(error);
    return t("error.other", { code: error.name });
  }
  if (error.status === 403) return t("error.scope");
  if (error.status === 404) return t("error.not_found");
  if (error.status === 429 || error.status === 503) return t("error.busy");
  if (error.status === 0) return t("error.unreachable");
  return t("error.other", { code: error.code });
}

export const notice = (text, ...more) => h("div", { class: "notice" }, h("p", null, text), more);

/** A place that is filled once its answer is there; what fails says why, and nothing else of the page is touched. */
export function later(answer, build) {
  const place = h("div", { class: "later", "aria-busy": "true" }, h("p", { class: "loading" }, t("shell.loading")));
  Promise.resolve(answer)
    .then((value) => put(place, build(value)))
    .catch((error) => {
      if (error instanceof ApiError && error.status === 401)
        return void window.dispatchEvent(new CustomEvent("signed-out"));
      put(place, notice(sentenceOf(error)));
    })
    .finally(() => place.removeAttribute("aria-busy"));
  return place;
}
