// The first screen: spend, and what is missing from it.

function card(title, text, ...lines) {
  const details = lines.map((line) => make("dd", line.isAlarm ? { class: "alarm" } : {}, ...withWholeDates(line.text ?? line)));
  return make("div", {}, make("dt", {}, title), make("dd", { class: "figure" }, text), ...details);
}
// Dates do not wrap at their hyphens.
const withWholeDates = (text) => text.split(/(\d{4}-\d\d-\d\d)/)
  .map((part, place) => (place % 2 ? make("span", { class: "whole" }, part) : part));
const alarm = (text) => ({ text, isAlarm: true });

function cards({ data, choice, everyCurrency }) {
  return [
    ...spendCards(data, choice, everyCurrency), countCard(everyCurrency), unpricedCard(data, choice, everyCurrency),
    holesCard(data, choice), rejectsCard(data, choice), checksCard(data),
  ];
}

function spendCards(data, choice, rows) {
  const before = periodBefore(data, choice);
  const now = sums(rows, (row) => row.currency);
  const then = before ? sums(cells(data, choice, before), (row) => row.currency) : new Map();
  const costs = data.currencies.map((currency) => [currency, now.get(currency)?.cost ?? null, then.get(currency)?.cost ?? null]);
  const shown = costs.filter(([, cost, was]) => cost !== null || was !== null)
    .map(([currency, cost, was]) => card(`Spend, ${currency}`, cost === null ? NOTHING : plain(cost), against(data, choice, before, cost ?? 0n, was)));
  return shown.length ? shown : [card("Spend", NOTHING, "no priced recordings in this period")];
}
function against(data, choice, before, cost, was) {
  if (choice.first <= data.days[0]) return "no comparison: there is no earlier data";
  if (!before) return `no comparison: only whole months are available before ${data.settings.daily_from}`;
  if (was === null) return `no cost from ${before.first} to ${before.last}`;
  const change = cost - was;
  const sign = change < 0n ? "" : "+";
  const percent = was ? ` (${change < 0n ? "\u2212" : "+"}${(Math.abs(number(change) / number(was)) * 100).toFixed(1)} %)` : "";
  const later = data.days[0] > before.first ? `; the first recordings are from ${data.days[0]}` : "";
  const gaps = marksOf(data, choice, before).filter((name) => name.includes("missing"));
  const marks = gaps.length ? `; ${gaps.join(", ")}` : "";
  return `${sign}${plain(change)}${percent} compared with ${before.first} to ${before.last}${later}${marks}`;
}
function countCard(rows) {
  const recordings = rows.reduce((sum, row) => sum + row.recordings, 0);
  return card("Recordings", count(recordings), `${plain(rows.reduce((sum, row) => sum + row.minutes, 0n), 0)} billed minutes`);
}
function unpricedCard(data, choice, rows) {
  const unpriced = rows.reduce((sum, row) => sum + row.unpriced, 0);
  const accruals = listOfAll(data, "accruals", choice);
  const perCurrency = [...added(accruals, (row) => row.currency, ["accrual"])].filter(([, sum]) => sum.accrual !== null).sort(byName);
  const withoutEstimate = accruals.reduce((sum, row) => sum + (row.accrual === null ? row.unpriced_recordings : 0), 0);
  const lines = perCurrency.map(([currency, sum]) => about(sum.accrual, currency));
  if (lines.length) lines[lines.length - 1] += " expected for these months";
  if (withoutEstimate) lines.push(`no estimate for ${count(withoutEstimate)} of them`);
  return card("Without a price", count(unpriced), ...lines);
}
// Days of accounts within the period that were not fetched.
function holesCard(data, choice) {
  const later = (one, other) => (one > other ? one : other);
  const earlier = (one, other) => (one < other ? one : other);
  const holes = listOfAll(data, "holes", choice)
    .reduce((sum, row) => sum + daysBetween(later(row.first_day, choice.first), earlier(row.last_day, choice.last)), 0);
  return card("Days not covered", count(holes), holes ? alarm("missing from all figures") : "no gaps since the first day that was read");
}
function rejectsCard(data, choice) {
  const rows = listOfAll(data, "rejects", choice);
  const refused = [...new Map(rows.map((row) => [row.account_sid, row.rejects])).values()].reduce((sum, each) => sum + each, 0);
  const hidden = [...added(rows, (row) => row.currency, ["hidden_cost"])].filter(([, sum]) => sum.hidden_cost !== null).sort(byName);
  const lines = hidden.map(([currency, sum], place) => alarm((place ? "and " : "missing cost: ") + about(sum.hidden_cost, currency)));
  if (refused && !lines.length) lines.push(alarm("the missing cost is unknown"));
  return card("Unreadable records", count(refused), ...(refused ? lines : ["since the beginning"]));
}
function checksCard(data) {
  const found = data.tables.checks.rows.filter((row) => row.is_passed === "false");
  const lines = found.map((row) => ({ text: `${inWords(row.name)} (${row.severity})`, isAlarm: row.severity === "fail" }));
  return card("Checks", found.length ? `${found.length} did not pass` : "all passed", ...lines);
}
