// Loading states and error messages.

import { ApiError } from "../api.js";
import { h, setChildren } from "../dom.js";
import { t } from "../i18n.js";

/** The sentence that the person reads for an error. */
export function errorText(error) {
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

/** Returns an element that fills itself when the promise resolves. An error stays inside it. */
export function whenLoaded(promise, build) {
  const place = h("div", { "aria-busy": "true" }, h("p", { class: "loading" }, t("shell.loading")));
  Promise.resolve(promise)
    .then((value) => setChildren(place, build(value)))
    .catch((error) => {
      if (error instanceof ApiError && error.status === 401)
        return void window.dispatchEvent(new CustomEvent("signed-out"));
      setChildren(place, notice(errorText(error)));
    })
    .finally(() => place.removeAttribute("aria-busy"));
  return place;
}
