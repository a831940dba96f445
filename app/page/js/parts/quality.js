// Data quality: the last delivery of each source, and findings.

import { h } from "../dom.js";
import { compare, date, moment, number, t, word } from "../i18n.js";
import { shortId } from "../ids.js";
import { to } from "../route.js";
import { figure } from "./figure.js";
import { table } from "./table.js";

/** When each client last delivered each kind. */
export function sources(trial, { sources: deliveries, as_of }) {
  const age = (each) =>
    Math.max(0, Math.round((new Date(`${as_of}T12:00:00Z`) - new Date(each.last_received_at)) / 86_400_000));
  const columns = [
    { key: "client", label: t("trial.source"), head: true, value: (each) => each.client_id },
    { key: "kind", label: t("trial.kind"), value: (each) => t(`kind.${each.kind}`) },
    { key: "last", label: t("trial.last"), value: (each) => each.last_received_at },
    { key: "age", label: t("trial.age"), kind: "number", value: age },
  ];
  const kinds = [...new Set(deliveries.map((each) => each.kind))].sort();
  const clients = [...Map.groupBy(deliveries, (each) => each.client_id)].map(([client, own]) => ({
    client,
    own: new Map(own.map((each) => [each.kind, each])),
  }));
  const day = (each) => [
    h("span", { title: moment(each.last_received_at) }, date(each.last_received_at.slice(0, 10))),
    h("span", { class: "source" }, ` ${age(each) ? t("trial.days_ago", { n: age(each) }) : t("trial.today")}`),
  ];
  const shown = [
    { key: "client", label: t("trial.source"), head: true, value: (row) => row.client },
    ...kinds.map((kind) => ({
      key: kind,
      label: t(`kind.${kind}`),
      value: () => null,
      show: ({ own }) => (own.has(kind) ? day(own.get(kind)) : null),
    })),
  ];
  const content = () =>
    table({ caption: t("trial.sources"), columns: shown, rows: clients, empty: t("figure.nothing"), wide: true });
  return figure({
    id: "sources",
    title: t("trial.sources"),
    text: t("trial.sources_text"),
    content,
    draw: null,
    columns,
    rows: deliveries,
    file: `${trial.id}-sources`,
  });
}

/** What looks wrong in the data, finding by finding. */
export function quality(trial, { items, signs }) {
  const name = (each) => trial.jobcentres.find((place) => place.code === each.jobcentre)?.name ?? each.jobcentre;
  const about = (each) =>
    [
      each.arm && word("Arm", each.arm),
      each.kind && t(`kind.${each.kind}`),
      each.client_id,
      each.last_on && date(each.last_on),
      each.weekday && t(`weekday.${each.weekday}`),
    ]
      .filter(Boolean)
      .join(", ");
  const byCodeAndName = (first, second) =>
    compare(first.code, second.code) || compare(name(first), name(second));
  const rows = [...items, ...signs].sort(byCodeAndName);
  const columns = [
    { key: "finding", label: t("trial.finding"), head: true, value: (each) => word("FindingCode", each.code) },
    { key: "jobcentre", label: t("region.jobcentre"), value: name },
    { key: "count", label: t("trial.count"), kind: "number", value: (each) => each.count },
    { key: "total", label: t("trial.of"), kind: "number", value: (each) => each.total },
    { key: "details", label: t("trial.details"), value: about },
  ];
  const count = (each) => (each.total === null ? number(each.count) : `${number(each.count)}/${number(each.total)}`);
  const people = (each) =>
    each.participants?.map((id) => [" ", h("a", { href: to([trial.id, "person", id]) }, shortId(id))]);
  const where = (each) =>
    h(
      "li",
      null,
      h("a", { href: to([trial.id, "jobcentre", each.jobcentre]) }, name(each)),
      " ",
      h("strong", null, count(each)),
      about(each) ? h("span", { class: "source" }, ` ${about(each)}`) : null,
      people(each),
    );
  const shown = [
    {
      key: "finding",
      label: t("trial.finding"),
      head: true,
      value: () => null,
      show: ([code]) => [word("FindingCode", code), h("span", { class: "sub" }, t(`explain.FindingCode.${code}`))],
    },
    {
      key: "where",
      label: t("trial.where"),
      value: () => null,
      show: ([, findings]) => h("ul", { class: "flowing" }, findings.map(where)),
    },
  ];
  const content = () =>
    table({
      caption: t("trial.quality"),
      columns: shown,
      rows: [...Map.groupBy(rows, (each) => each.code)],
      empty: t("trial.quality_none"),
      wide: true,
    });
  return figure({
    id: "quality",
    title: t("trial.quality"),
    text: t("trial.quality_text"),
    content,
    draw: null,
    columns,
    rows,
    file: `${trial.id}-data-quality`,
  });
}
