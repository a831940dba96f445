// The page's words in Danish and English, and numbers and dates as the language writes them.

const LANGUAGES = ["da", "en"];
const STORED = "rettevej.lang";
let texts = {};
let language = "da";
let format = {};

/** The language to begin with: the address's, which is remembered; the one remembered; the browser's; Danish. */
export function preferred(requested) {
  if (LANGUAGES.includes(requested)) localStorage.setItem(STORED, requested);
  const ofBrowser = navigator.languages.map((tag) => tag.split("-")[0].toLowerCase());
  return [requested, localStorage.getItem(STORED), ...ofBrowser, "da"].find((each) => LANGUAGES.includes(each));
}

export const current = () => language;

/** Loads a language's texts. */
export async function loadLanguage(chosen) {
  const response = await fetch(`page/texts/${chosen}.json`);
  if (!response.ok) throw new Error("texts");
  texts = await response.json();
  language = chosen;
  document.documentElement.lang = chosen;
  const locale = chosen === "da" ? "da-DK" : "en-GB";
  const days = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  format = {
    whole: new Intl.NumberFormat(locale),
    fine: new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }),
    exact: new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
    percent: new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    round: new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }),
    points: new Intl.NumberFormat(locale, {
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
      signDisplay: "exceptZero",
    }),
    signed: new Intl.NumberFormat(locale, { maximumFractionDigits: 0, signDisplay: "exceptZero" }),
    date: new Intl.DateTimeFormat(locale, days),
    short: new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" }),
    moment: new Intl.DateTimeFormat(locale, {
      ...days,
      hour: "2-digit",
      minute: "2-digit",
      timeZone: "Europe/Copenhagen",
    }),
    plural: new Intl.PluralRules(locale),
    list: new Intl.ListFormat(locale, { type: "conjunction" }),
  };
}

function lookUp(key) {
  return key.split(".").reduce((node, name) => node?.[name], texts);
}

/** Whether there is such a text. */
export const has = (key) => lookUp(key) !== undefined;

/** The text of a key, with `{name}` filled in. One that depends on a number, `n`, has the forms `one` and `other`. */
export function t(key, values = {}) {
  let text = lookUp(key);
  if (text !== null && typeof text === "object") text = text[format.plural.select(values.n)] ?? text.other;
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : value;
  });
}

/** What a code of the API means; a code unknown to the page stays as it is. */
export const word = (list, code) => (has(`codes.${list}.${code}`) ? t(`codes.${list}.${code}`) : String(code));

const none = "–";
const orDash = (value, how) => (value === null || value === undefined ? none : how(value));
const minus = (text) => text.replace(/^-/, "−");

export const number = (value) => orDash(value, (n) => minus(format.whole.format(n)));
export const decimal = (value) => orDash(value, (n) => minus(format.fine.format(n)));
/** Always two decimals, for columns of averages. */
export const average = (value) => orDash(value, (n) => format.exact.format(n));
export const percent = (value) => orDash(value, (n) => format.percent.format(n));
export const roundPercent = (value) => orDash(value, (n) => format.round.format(n));
/** A difference of shares in percentage points. */
export const points = (value) => orDash(value, (n) => minus(format.points.format(n * 100)));
export const roundPoints = (value) => orDash(value, (n) => minus(format.signed.format(n * 100)));
export const date = (text) => orDash(text, (day) => format.date.format(new Date(`${day}T00:00:00Z`)));
export const shortDate = (text) => orDash(text, (day) => format.short.format(new Date(`${day}T00:00:00Z`)));
export const moment = (text) => orDash(text, (instant) => format.moment.format(new Date(instant)));
export const list = (items) => format.list.format(items);
/** "uge 5, 2011" */
export const week = (code) =>
  orDash(code, (each) => t("week.long", { week: String(Number(each.slice(6))), year: each.slice(0, 4) }));
export const shortWeek = (code) => orDash(code, (each) => t("week.short", { week: String(Number(each.slice(6))) }));
export const compare = (first, second) => String(first).localeCompare(String(second), language, { numeric: true });
