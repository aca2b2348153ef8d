// The first screen: what was spent, and what is not known of it.

function card(title, text, ...lines) {
  const told = lines.map((line) => make("dd", line.isAlarm ? { class: "alarm" } : {}, ...unbroken(line.text ?? line)));
  return make("div", {}, make("dt", {}, title), make("dd", { class: "figure" }, text), ...told);
}
// No day is broken at its hyphens.
const unbroken = (text) => text.split(/(\d{4}-\d\d-\d\d)/)
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
  const made = costs.filter(([, cost, was]) => cost !== null || was !== null)
    .map(([currency, cost, was]) => card(`Spend, ${currency}`, cost === null ? NOTHING : plain(cost), against(data, choice, before, cost ?? 0n, was)));
  return made.length ? made : [card("Spend", NOTHING, "nothing was priced in this period")];
}
function against(data, choice, before, cost, was) {
  if (choice.first <= data.days[0]) return "no comparison: there is nothing before";
  if (!before) return `no comparison: before ${data.settings.daily_from} only whole months are known here`;
  if (was === null) return `nothing from ${before.first} to ${before.last}`;
  const change = cost - was;
  const sign = change < 0n ? "" : "+";
  const percent = was ? ` (${change < 0n ? "\u2212" : "+"}${(Math.abs(number(change) / number(was)) * 100).toFixed(1)} %)` : "";
  const later = data.days[0] > before.first ? `; recordings begin on ${data.days[0]}` : "";
  return `${sign}${plain(change)}${percent} against ${before.first} to ${before.last}${later}`;
}
function countCard(rows) {
  const recordings = rows.reduce((sum, row) => sum + row.recordings, 0);
  return card("Recordings", count(recordings), `${count(rows.reduce((sum, row) => sum + row.minutes, 0))} billed minutes`);
}
function unpricedCard(data, choice, rows) {
  const unpriced = rows.reduce((sum, row) => sum + row.unpriced, 0);
  const accruals = listOfAll(data, "accruals", choice);
  const perCurrency = [...added(accruals, (row) => row.currency, ["accrual"])].filter(([, sum]) => sum.accrual !== null).sort(byName);
  const hopeless = accruals.reduce((sum, row) => sum + (row.accrual === null ? row.unpriced_recordings : 0), 0);
  const lines = perCurrency.map(([currency, sum]) => about(sum.accrual, currency));
  if (lines.length) lines[lines.length - 1] += " to come in these months";
  if (hopeless) lines.push(`no estimate for ${count(hopeless)} of them`);
  return card("Without a price", count(unpriced), ...lines);
}
// Days of accounts within the period that no reading covers.
function holesCard(data, choice) {
  const later = (one, other) => (one > other ? one : other);
  const earlier = (one, other) => (one < other ? one : other);
  const holes = listOfAll(data, "holes", choice)
    .reduce((sum, row) => sum + daysBetween(later(row.first_day, choice.first), earlier(row.last_day, choice.last)), 0);
  return card("Days not covered", count(holes), holes ? alarm("no figure covers them") : "no holes since the first day that was read");
}
function rejectsCard(data, choice) {
  const rows = listOfAll(data, "rejects", choice);
  const refused = [...new Map(rows.map((row) => [row.account_sid, row.rejects])).values()].reduce((sum, each) => sum + each, 0);
  const hidden = [...added(rows, (row) => row.currency, ["hidden_cost"])].filter(([, sum]) => sum.hidden_cost !== null).sort(byName);
  const lines = hidden.map(([currency, sum], place) => alarm((place ? "and " : "may hide ") + about(sum.hidden_cost, currency)));
  if (refused && !lines.length) lines.push(alarm("what they may hide is not known"));
  return card("Records not understood", count(refused), ...(refused ? lines : ["at any time"]));
}
function checksCard(data) {
  const found = data.tables.checks.rows.filter((row) => row.is_passed === "false");
  const lines = found.map((row) => ({ text: `${inWords(row.name)} (${row.severity})`, isAlarm: row.severity === "fail" }));
  return card("Checks", found.length ? `${found.length} found something` : "all passed", ...lines);
}
