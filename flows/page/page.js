"use strict";
// Money is counted in whole billionths, so that sums are exact to the last decimal.
const NANO = 1000000000n;
const MOST_ROWS = 200;
const MOST_BARS = 15;
const DAY = 86400000;
const UNKNOWN_CURRENCY = "XXX";
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1", "#7f7f7f"];

const element = (id) => document.getElementById(id);
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
function nano(text) {
  if (text === null) return null;
  const negative = text.startsWith("-");
  const [whole, decimals = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole) * NANO + BigInt(decimals.padEnd(9, "0"));
  return negative ? -value : value;
}
function plain(value, fewest = 2) {
  const size = value < 0n ? -value : value;
  let decimals = (size % NANO).toString().padStart(9, "0").replace(/0+$/, "");
  decimals = decimals.padEnd(fewest, "0");
  const whole = (size / NANO).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  return (value < 0n ? "\u2212" : "") + whole + (decimals ? "." + decimals : "");
}
const number = (value) => Number(value) / 1e9;
const count = (value) => value.toString().replace(/\B(?=(\d{3})+$)/g, ",");
const time = (day) => Date.parse(day + "T00:00:00Z");
const iso = (moment) => new Date(moment).toISOString().slice(0, 10);
const monthOf = (day) => day.slice(0, 8) + "01";
function monthsLater(day, months) {
  const [year, month] = day.split("-").map(Number);
  return iso(Date.UTC(year, month - 1 + months, 1));
}
const lastOfMonth = (day) => iso(time(monthsLater(day, 1)) - DAY);

async function unpacked(text) {
  const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// What is chosen: currency, accounts (null: all), first and last day.
function chosen(data) {
  const picked = [...element("accounts").selectedOptions].map((option) => option.value);
  return {
    currency: element("currency").value,
    accounts: picked.length && picked.length < data.accounts.length ? new Set(picked) : null,
    ...widened(data, element("from").value, element("to").value),
  };
}
// Where only whole months are known, a period begins and ends with a month.
function widened(data, from, to) {
  const dailyFrom = data.settings.daily_from;
  const first = from < dailyFrom ? monthOf(from) : from;
  const last = to < dailyFrom ? lastOfMonth(to) : to;
  return { first, last, isWidened: first !== from || last !== to };
}
// The period before it, as long or as many months; null where only whole months are known, and it is none.
function periodBefore(data, { first, last }) {
  if (first === monthOf(first) && last === lastOfMonth(last)) {
    let months = 1;
    while (monthsLater(first, months) <= last) months += 1;
    return { first: monthsLater(first, -months), last: iso(time(first) - DAY) };
  }
  const before = { first: iso(2 * time(first) - time(last) - DAY), last: iso(time(first) - DAY) };
  return before.first < data.settings.daily_from ? null : before;
}
const concerns = (choice, account) => !choice.accounts || choice.accounts.has(account);

// Rows of the cube as objects, within a period.
function* cells(data, choice, { first, last }, currency = choice.currency) {
  const cube = data.cube;
  for (let row = 0; row < cube.day.length; row += 1) {
    const day = data.days[cube.day[row]];
    if (day < first || day > last) continue;
    const account = data.accounts[cube.account_sid[row]][0];
    const of = data.currencies[cube.currency[row]];
    if (!concerns(choice, account) || (currency && of !== currency)) continue;
    yield {
      day, account, currency: of, source: data.sources[cube.source[row]], channels: cube.channels[row],
      recordings: cube.recordings[row], unpriced: cube.unpriced_recordings[row],
      minutes: cube.billed_minutes[row], pricedMinutes: cube.priced_minutes[row], cost: cube.cost[row],
    };
  }
}
function sums(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    const sum = groups.get(name) ?? { recordings: 0, unpriced: 0, minutes: 0, pricedMinutes: 0, cost: null };
    sum.recordings += row.recordings;
    sum.unpriced += row.unpriced;
    sum.minutes += row.minutes;
    sum.pricedMinutes += row.pricedMinutes;
    if (row.cost !== null) sum.cost = (sum.cost ?? 0n) + row.cost;
    groups.set(name, sum);
  }
  return groups;
}
const byCost = (one, other) => Number((other[1].cost ?? -1n) - (one[1].cost ?? -1n)) || String(one[0]).localeCompare(other[0]);
const newestFirst = (one, other) => (one[0] < other[0] ? 1 : -1);
const rate = (sum) => (sum.cost === null || !sum.pricedMinutes ? null : (sum.cost * 1000n / BigInt(sum.pricedMinutes) + 500n) / 1000n);

// Tables
const decimalsOf = (text) => (text.split(".")[1] ?? "").length;
function aligned(rows, place) {
  const most = Math.max(0, ...rows.map((row) => (row[place]?.isMoney ? decimalsOf(row[place].text) : 0)));
  for (const row of rows) {
    const cell = row[place];
    if (cell?.isMoney && most) cell.text += (decimalsOf(cell.text) ? "" : ".") + "0".repeat(most - decimalsOf(cell.text));
  }
}
function tableOf(caption, heads, rows) {
  heads.forEach((_, place) => aligned(rows, place));
  const isNumber = heads.map((_, place) => rows.some((row) => row[place]?.isNumber));
  const kind = (place) => (isNumber[place] ? "number" : "text");
  const shown = rows.slice(0, MOST_ROWS);
  const left = rows.length - shown.length;
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    make("table", {},
      make("caption", {}, caption + (left ? `; the first ${MOST_ROWS} of ${count(rows.length)} rows, all are in the CSV file` : "")),
      make("thead", {}, make("tr", {}, ...heads.map((head, place) => make("th", { scope: "col", class: kind(place) }, head)))),
      make("tbody", {}, ...shown.map((row) => make("tr", {}, ...row.map((cell, place) =>
        make(place ? "td" : "th", place ? { class: kind(place) } : { scope: "row", class: kind(place) }, cell?.text ?? cell ?? "–")))))));
}
const figure = (text) => ({ text, isNumber: true });
const money = (value, fewest) => (value === null ? figure("–") : { ...figure(plain(value, fewest)), isMoney: true });
const amount = (value) => figure(count(value));
function folded(words, table) {
  return make("details", {}, make("summary", {}, words), table);
}
function spendTable(caption, head, groups, name = (key) => key, order = byCost) {
  const rows = [...groups].sort(order).map(([key, sum]) => [
    name(key), amount(sum.recordings), amount(sum.unpriced), amount(sum.minutes), money(sum.cost), money(rate(sum)),
  ]);
  return tableOf(caption, [head, "recordings", "unpriced", "billed minutes", "cost", "cost per minute"], rows);
}
// A table of the warehouse as it is, its rows those of the accounts, the currency and the period.
function listOf(data, name, choice) {
  const { columns, rows } = data.tables[name];
  const place = Object.fromEntries(columns.map(([column], at) => [column, at]));
  const value = (row, column) => (column in place ? row[place[column]] : undefined);
  return rows.filter((row) => {
    const account = value(row, "account_sid");
    const currency = value(row, "currency");
    const month = value(row, "month") ?? value(row, "month_found");
    const day = value(row, "usage_date") ?? value(row, "changed_on") ?? value(row, "period_start");
    return (!account || concerns(choice, account))
      && (!currency || currency === choice.currency || currency === UNKNOWN_CURRENCY)
      && (!month || (month <= choice.last && lastOfMonth(month) >= choice.first))
      && (!day || (day >= choice.first && day <= choice.last));
  }).map((row) => Object.fromEntries(columns.map(([column], at) => [column, row[at]])));
}
function listTable(data, name, caption, rows) {
  const columns = data.tables[name].columns.filter(([column]) => column !== "account_sid" || !data.tables[name].columns.some(([other]) => other === "account_name"));
  const cell = (kind, value) => {
    if (value === null) return kind === "text" ? "–" : figure("–");
    if (kind === "decimal") return money(nano(value), 0);
    return kind === "integer" ? amount(value) : String(value);
  };
  return tableOf(caption, columns.map(([column]) => column.replaceAll("_", " ")), rows.map((row) => columns.map(([column, kind]) => cell(kind, row[column]))));
}
function total(rows, column) {
  return rows.reduce((sum, row) => (row[column] === null ? sum : (sum ?? 0n) + nano(row[column])), null);
}

// Charts
const shown = new Map();
function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { ink: read("--ink"), quiet: read("--quiet"), line: read("--line"), ground: read("--ground") };
}
async function draw(place, spec, words) {
  const { ink, quiet, line } = colours();
  const axis = { labelColor: quiet, titleColor: quiet, gridColor: line, domainColor: line, tickColor: line, labelLimit: 160 };
  const whole = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", background: null, autosize: { type: "fit-x", contains: "padding" },
    config: { axis, view: { stroke: null }, legend: { labelColor: ink, titleColor: quiet, orient: "bottom", columns: window.innerWidth < 640 ? 2 : 4 }, range: { category: PALETTE } },
    ...spec,
  };
  shown.get(place)?.finalize();
  shown.set(place, await vegaEmbed(place, whole, { actions: false, renderer: "svg", tooltip: true }));
  // One picture with a text, instead of a reading of every mark; the table beneath has the figures.
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", words);
  for (const part of place.children) part.setAttribute("aria-hidden", "true");
}
const barsByName = (rows, currency) => ({
  height: Math.max(1, rows.length) * 24, data: { values: rows }, mark: { type: "bar", tooltip: true, color: PALETTE[0] },
  encoding: {
    y: { field: "name", type: "nominal", sort: null, title: null },
    x: { field: "cost", type: "quantitative", title: currency },
  },
});
function chartRows(groups, name = (key) => key) {
  return [...groups].sort(byCost).filter(([, sum]) => sum.cost !== null).slice(0, MOST_BARS)
    .map(([key, sum]) => ({ name: name(key), cost: number(sum.cost) }));
}
function saying(rows, currency) {
  if (!rows.length) return "No cost in this period.";
  const [first] = rows;
  return `${rows.length} bars; the longest is ${first.name} with ${first.cost.toFixed(2)} ${currency}.`;
}

const SECTIONS = [
  {
    id: "days", title: "Spend by day and source",
    how: "Each bar is a day (a whole month where only months are known), its parts the sources. What has no price yet is missing, so the newest bars grow.",
    show(data, choice) {
      const groups = sums(cells(data, choice, choice), (row) => row.day + "\u0000" + row.source);
      const values = [...groups].map(([key, sum]) => ({ day: key.split("\u0000")[0], source: key.split("\u0000")[1], cost: number(sum.cost ?? 0n) }));
      const byDay = sums(cells(data, choice, choice), (row) => row.day);
      const highest = [...byDay].sort(byCost)[0];
      const hasMonths = choice.first < data.settings.daily_from;
      return {
        spec: values.length && {
          height: 260, data: { values }, mark: { type: "bar", tooltip: true },
          encoding: {
            x: { field: "day", type: "temporal", timeUnit: hasMonths && choice.last < data.settings.daily_from ? "utcyearmonth" : "utcyearmonthdate", title: null },
            y: { field: "cost", type: "quantitative", aggregate: "sum", title: choice.currency },
            color: { field: "source", type: "nominal", title: null },
          },
        },
        saying: highest ? `Bars from ${choice.first} to ${choice.last}; the highest is ${highest[0]} with ${plain(highest[1].cost ?? 0n)} ${choice.currency}.` : "No recordings in this period.",
        tables: [
          spendTable("Spend by source, " + choice.currency, "source", sums(cells(data, choice, choice), (row) => row.source)),
          folded("Every day", spendTable("Spend by day, " + choice.currency, "day", byDay, undefined, newestFirst)),
        ],
      };
    },
  },
  {
    id: "by-account", title: "Spend by account", how: `Longest bar first; at most ${MOST_BARS} are drawn, all stand in the table.`,
    show(data, choice) {
      const name = (sid) => data.names.get(sid) ?? sid;
      const groups = sums(cells(data, choice, choice), (row) => row.account);
      const rows = chartRows(groups, name);
      return { spec: rows.length && barsByName(rows, choice.currency), saying: saying(rows, choice.currency), tables: [spendTable("Spend by account, " + choice.currency, "account", groups, name)] };
    },
  },
  {
    id: "by-channels", title: "Spend by channels", how: "One channel mixes both sides of a call, two keep them apart; some plans charge them differently.",
    show(data, choice) {
      const name = (channels) => (channels === null ? "unknown" : String(channels));
      const groups = sums(cells(data, choice, choice), (row) => row.channels);
      const rows = chartRows(groups, name);
      return { spec: rows.length && barsByName(rows, choice.currency), saying: saying(rows, choice.currency), tables: [spendTable("Spend by channels, " + choice.currency, "channels", groups, name)] };
    },
  },
  {
    id: "rate", title: "What a minute costs", how: "Cost divided by billed minutes of priced recordings. A dashed line marks a day from which another rate prevailed for an account, source and channel count, and stayed.",
    show(data, choice) {
      const groups = sums(cells(data, choice, choice), (row) => row.day + "\u0000" + row.source);
      const values = [...groups].filter(([, sum]) => rate(sum) !== null)
        .map(([key, sum]) => ({ day: key.split("\u0000")[0], source: key.split("\u0000")[1], rate: number(rate(sum)) }));
      const changes = listOf(data, "rate_changes", choice);
      const x = { field: "day", type: "temporal", timeUnit: "utcyearmonthdate", title: null };
      return {
        spec: values.length && {
          height: 220,
          layer: [
            { data: { values }, mark: { type: "line", point: true, tooltip: true }, encoding: { x, y: { field: "rate", type: "quantitative", title: choice.currency + " a minute" }, color: { field: "source", type: "nominal", title: null } } },
            ...(changes.length ? [{ data: { values: changes.map((change) => ({ day: change.changed_on })) }, mark: { type: "rule", strokeDash: [4, 4], color: colours().quiet }, encoding: { x } }] : []),
          ],
        },
        saying: `${changes.length} changes of rate in this period.`,
        tables: [listTable(data, "rate_changes", "Changes of rate", changes)],
      };
    },
  },
  {
    id: "to-come", title: "What is still to come", how: "Minutes without a price, at what was charged lately or else by the rate card. An estimate, in no other figure of this page.",
    show: (data, choice) => ({ tables: [listTable(data, "accruals", "Accruals", listOf(data, "accruals", choice))] }),
  },
  {
    id: "trust", title: "What the figures rest on", how: "A figure is only as good as what was read: days that were not read, records that were not understood, and what the checks found.",
    show(data, choice) {
      const everything = { ...choice, first: "0000-01-01", last: "9999-12-31" };
      return {
        tables: [
          listTable(data, "holes", "Days that no figure covers", listOf(data, "holes", everything)),
          listTable(data, "rejects", "Records that were not understood, and about what they may hide", listOf(data, "rejects", everything)),
          listTable(data, "checks", "Checks", data.tables.checks.rows.map((row) => Object.fromEntries(data.tables.checks.columns.map(([column], at) => [column, row[at]])))),
        ],
      };
    },
  },
];

function card(title, figureText, ...lines) {
  return make("div", {}, make("dt", {}, title), make("dd", { class: "figure" }, figureText), ...lines.map((line) => make("dd", line.isAlarm ? { class: "alarm" } : {}, line.text ?? line)));
}
function cards(data, choice) {
  const before = periodBefore(data, choice);
  const now = sums(cells(data, choice, choice, null), (row) => row.currency);
  const then = before ? sums(cells(data, choice, before, null), (row) => row.currency) : new Map();
  const accruals = listOf(data, "accruals", choice);
  const made = [];
  for (const currency of data.currencies) {
    const sum = now.get(currency);
    const was = then.get(currency)?.cost ?? null;
    if (currency === UNKNOWN_CURRENCY && !(sum?.cost)) continue;
    const cost = sum?.cost ?? null;
    if (cost === null && was === null) continue;
    const change = (cost ?? 0n) - (was ?? 0n);
    const percent = was ? ` (${change < 0n ? "\u2212" : "+"}${(Math.abs(Number(change * 1000n / was)) / 10).toFixed(1)} %)` : "";
    const against = !before ? `no comparison: before ${data.settings.daily_from} only whole months are known here`
      : was === null ? `nothing from ${before.first} to ${before.last}`
      : `${change < 0n ? "" : "+"}${plain(change)}${percent} against ${before.first} to ${before.last}`;
    made.push(card(`Spend, ${currency}`, cost === null ? "–" : plain(cost), against));
  }
  if (!made.length) made.push(card("Spend", "–", "nothing was priced in this period"));
  const all = sums(cells(data, choice, choice, null), () => "all").get("all") ?? { recordings: 0, unpriced: 0, minutes: 0 };
  made.push(card("Recordings", count(all.recordings), `${count(all.minutes)} billed minutes`));
  const accrual = total(accruals.filter((row) => row.currency === choice.currency), "accrual");
  made.push(card("Without a price", count(all.unpriced), accrual === null ? "no estimate" : `about ${plain(accrual)} ${choice.currency} still to come in these months`));
  const holes = listOf(data, "holes", choice).reduce((sum, row) => sum + row.days, 0);
  made.push(card("Days not covered", count(holes), holes ? { text: "no figure covers them", isAlarm: true } : "every day was read"));
  const rejects = listOf(data, "rejects", choice);
  const hidden = total(rejects.filter((row) => row.currency === choice.currency), "about");
  const rejected = new Map(rejects.map((row) => [row.account_sid, row.rejects]));
  const refused = [...rejected.values()].reduce((sum, each) => sum + each, 0);
  made.push(card("Records not understood", count(refused), refused ? { text: hidden === null ? "what they may hide is not known" : `may hide about ${plain(hidden)} ${choice.currency}`, isAlarm: true } : "none"));
  const failed = data.tables.checks.rows.filter((row) => row[2] === "false");
  made.push(card("Checks", failed.length ? `${failed.length} found something` : "all passed", ...failed.map((row) => ({ text: `${row[0]} (${row[1]})`, isAlarm: row[1] === "fail" }))));
  return made;
}

async function show(data) {
  const choice = chosen(data);
  const who = choice.accounts ? `${choice.accounts.size} of ${data.accounts.length} accounts` : `all ${data.accounts.length} accounts`;
  element("period-line").textContent = data.days.length ? `${choice.first} to ${choice.last} (${data.settings.reporting_timezone}), ${who}. The newest day that was read is ${data.settings.as_of} (UTC).` : "No recordings yet.";
  element("widened").textContent = choice.isWidened ? `Before ${data.settings.daily_from} only whole months are known here, so the period is ${choice.first} to ${choice.last}.` : "";
  element("cards").replaceChildren(...cards(data, choice));
  for (const section of SECTIONS) {
    const { spec, saying: words, tables } = section.show(data, choice);
    const body = element(section.id + "-tables");
    body.replaceChildren(...tables.filter(Boolean));
    const place = element(section.id + "-chart");
    if (spec) {
      place.parentElement.hidden = false;
      await draw(place, spec, `${section.title}. ${words}`);
    } else place.parentElement.hidden = true;
  }
  document.documentElement.dataset.drawn = String(Number(document.documentElement.dataset.drawn ?? 0) + 1);
  document.documentElement.dataset.shown = `${choice.currency} ${choice.first} ${choice.last} ${choice.accounts ? [...choice.accounts].sort().join(" ") : "all"}`;
}

function offer(data) {
  const costs = sums(cells(data, { accounts: null }, { first: "", last: "9999" }, null), (row) => row.currency);
  const currencies = data.currencies.filter((currency) => costs.get(currency)?.cost != null);
  currencies.sort((one, other) => costs.get(other).recordings - costs.get(one).recordings);
  element("currency").append(...(currencies.length ? currencies : [UNKNOWN_CURRENCY]).map((currency) => make("option", { value: currency }, currency)));
  element("accounts").append(...data.accounts.map(([sid, name]) => make("option", { value: sid }, name)));
  const asOf = data.settings.as_of ?? "1970-01-01";
  const first = data.days[0] ?? asOf;
  const newest = data.days.length && data.days[data.days.length - 1] > asOf ? data.days[data.days.length - 1] : asOf;
  const month = monthOf(newest);
  const spans = [
    ["This month", month, newest], ["Last month", monthsLater(month, -1), lastOfMonth(monthsLater(month, -1))],
    ["Three months", monthsLater(month, -2), newest], ["Twelve months", monthsLater(month, -11), newest], ["Everything", first, newest],
    ["As chosen", "", ""],
  ];
  element("span").append(...spans.map(([words], place) => make("option", { value: String(place) }, words)));
  const set = (place) => { [, element("from").value, element("to").value] = spans[place]; };
  element("span").value = "2";
  set(2);
  const again = () => show(data);
  element("span").addEventListener("change", () => { if (spans[Number(element("span").value)][1]) { set(Number(element("span").value)); again(); } });
  for (const id of ["from", "to"]) element(id).addEventListener("change", () => { element("span").value = "5"; again(); });
  for (const id of ["currency", "accounts"]) element(id).addEventListener("change", again);
  element("everything").addEventListener("click", () => { for (const option of element("accounts").options) option.selected = false; again(); });
  element("contents").append(...[["summary", "At a glance"], ...SECTIONS.map(({ id, title }) => [id, title])].map(([id, title]) => make("li", {}, make("a", { href: "#" + id }, title))));
  element("sections").append(...SECTIONS.map(({ id, title, how }) => make("section", { id, "aria-labelledby": id + "-heading" },
    make("h2", { id: id + "-heading" }, title), make("p", { class: "how" }, how),
    make("figure", {}, make("div", { class: "chart", id: id + "-chart", role: "img" })), make("div", { id: id + "-tables" }))));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}

(async () => {
  const data = await unpacked(element("payload").textContent);
  data.names = new Map(data.accounts);
  data.cube.cost = data.cube.cost.map(nano);
  offer(data);
  await show(data);
})();
