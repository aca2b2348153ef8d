// The filters and the rows they select.

const UNKNOWN_CURRENCY = "XXX";

async function unpacked(text) {
  const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(stream).text());
  data.names = new Map(data.accounts);
  for (const exact of ["cost", "cost_without_minutes", "credits", "billed_minutes", "priced_minutes"]) {
    data.cube[exact] = data.cube[exact].map(nano);
  }
  for (const table of Object.values(data.tables)) table.rows = rowsOf(table);
  return data;
}
const READERS = {
  text: ({ values, places }) => places.map((place) => (place === null ? null : values[place])),
  decimal: ({ values }) => values.map(nano),
  integer: ({ values }) => values,
};
function rowsOf({ rows, columns }) {
  const read = columns.map((column) => [column.name, READERS[column.kind](column)]);
  return Array.from({ length: rows }, (_, at) => Object.fromEntries(read.map(([name, values]) => [name, values[at]])));
}

// Currency, accounts (null: all), first and last day.
function chosen(data) {
  const picked = [...element("accounts").selectedOptions].map((option) => option.value);
  // An empty field sets no bound.
  const [from, to] = [element("from").value || data.days[0] || "1970-01-01", element("to").value || data.days.at(-1) || "1970-01-01"].sort();
  return {
    currency: element("currency").value,
    accounts: picked.length && picked.length < data.accounts.length ? new Set(picked) : null,
    ...widened(data, from, to),
  };
}
// Where only whole months are available, a period starts and ends with a month.
function widened(data, from, to) {
  const dailyFrom = data.settings.daily_from;
  const first = from < dailyFrom ? monthOf(from) : from;
  const last = to < dailyFrom ? lastOfMonth(to) : to;
  return { first, last, isWidened: first !== from || last !== to, step: first < dailyFrom ? "month" : "day" };
}
// The period to compare with: the same days some months earlier if it starts with a month, else as many days before.
// Null if it would need single days where only whole months are available.
function periodBefore(data, { first, last }) {
  const before = first === monthOf(first) ? monthsBefore(first, last)
    : { first: daysLater(first, -daysBetween(first, last)), last: daysLater(first, -1) };
  const isKnown = (day, edge) => day >= data.settings.daily_from || day === edge(day);
  return isKnown(before.first, monthOf) && isKnown(before.last, lastOfMonth) ? before : null;
}
function monthsBefore(first, last) {
  let months = 1;
  while (monthsLater(first, months) <= last) months += 1;
  const end = monthsLater(last, -months);
  const isWhole = last === lastOfMonth(last);
  const sameDay = end.slice(0, 8) + last.slice(8);
  return { first: monthsLater(first, -months), last: isWhole || sameDay > lastOfMonth(end) ? lastOfMonth(end) : sameDay };
}
const concerns = (choice, account) => !account || !choice.accounts || choice.accounts.has(account);

// Rows of the cube within a period as objects, in all currencies.
function cells(data, choice, { first, last }) {
  const { cube, days } = data;
  const isInside = days.map((day) => day >= first && day <= last);
  const isMeant = data.accounts.map(([account]) => concerns(choice, account));
  const found = [];
  for (let row = 0; row < cube.day.length; row += 1) {
    if (!isInside[cube.day[row]] || !isMeant[cube.account_sid[row]]) continue;
    found.push({
      day: days[cube.day[row]], account: data.accounts[cube.account_sid[row]][0],
      currency: data.currencies[cube.currency[row]], source: data.sources[cube.source[row]], channels: cube.channels[row],
      recordings: cube.recordings[row], unpriced: cube.unpriced_recordings[row], minutes: cube.billed_minutes[row],
      pricedMinutes: cube.priced_minutes[row], cost: cube.cost[row],
      withoutMinutes: cube.cost_without_minutes[row], credits: cube.credits[row],
    });
  }
  return found;
}
function sums(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    let sum = groups.get(name);
    if (!sum) groups.set(name, (sum = { recordings: 0, unpriced: 0, minutes: 0n, pricedMinutes: 0n, cost: null, withoutMinutes: 0n, credits: 0n }));
    sum.recordings += row.recordings;
    sum.unpriced += row.unpriced;
    sum.minutes += row.minutes;
    sum.pricedMinutes += row.pricedMinutes;
    if (row.cost !== null) sum.cost = (sum.cost ?? 0n) + row.cost;
    sum.withoutMinutes += row.withoutMinutes;
    sum.credits += row.credits;
  }
  return groups;
}
// Cost without minutes is not part of what a minute costs.
function rate(sum) {
  if (sum.cost === null || !sum.pricedMinutes) return null;
  return ((sum.cost - sum.withoutMinutes) * 1000n * NANO / sum.pricedMinutes + 500n) / 1000n;
}

// Which days a row of a list is about; a list that is not here is about now.
const months = (column) => (row) => [row[column], lastOfMonth(row[column])];
const days = (column) => (row) => [row[column], row[column]];
const PERIODS = {
  accruals: months("month"), adjustments: months("month_found"), anomalies: days("usage_date"), bill_days: days("day"),
  budgets: months("month"), holes: (row) => [row.first_day, row.last_day], rate_changes: days("changed_on"),
  rates_in_turn: (row) => [row.since, row.last_day],
  spend_shifts: days("since"),
  months: months("month"), reconciliation: months("month"), storage: months("month"), waste: months("month"),
};
// Rows of a warehouse table for the chosen accounts and period, in all currencies.
function listOfAll(data, name, choice) {
  return data.tables[name].rows.filter((row) => {
    const [first, last] = PERIODS[name]?.(row) ?? [choice.first, choice.last];
    return concerns(choice, row.account_sid) && first <= choice.last && last >= choice.first;
  });
}
function listOf(data, name, choice) {
  return listOfAll(data, name, choice).filter((row) => !row.currency || row.currency === choice.currency);
}
// What to know about a month of the chosen accounts: it is not over, or days of it were not read. Empty if it is final.
function markOf(data, choice, month) {
  const rows = data.tables.months.rows.filter((row) => row.month === monthOf(month)
    && (choice.accounts ? choice.accounts.has(row.account_sid) : row.account_sid === null));
  const missing = Math.max(0, ...rows.map((row) => row.days_missing));
  const parts = rows.some((row) => row.is_running === "true") ? ["not over"] : [];
  if (missing) parts.push(missing === 1 ? "1 day missing" : `${missing} days missing`);
  return parts.join(", ");
}
function monthName(data, choice, month) {
  const mark = markOf(data, choice, month);
  return month.slice(0, 7) + (mark && ` (${mark})`);
}
// The months of a period that are not final, the newest first.
function marksOf(data, choice, { first, last }) {
  const found = [];
  for (let month = monthOf(last); month >= monthOf(first); month = monthsLater(month, -1)) {
    if (markOf(data, choice, month)) found.push(monthName(data, choice, month));
  }
  return found;
}
// The same filters without a period.
const ALWAYS = (choice) => ({ ...choice, first: "0000-01-01", last: "9999-12-31" });
// Sums of columns by a key; null if no value is known.
// Sums by key; of the columns in oldest, the smallest value.
function added(rows, key, columns, oldest = []) {
  const groups = new Map();
  for (const row of rows) {
    const sum = groups.get(key(row)) ?? Object.fromEntries([...columns, ...oldest].map((column) => [column, null]));
    for (const column of columns) if (row[column] !== null) sum[column] = sum[column] === null ? row[column] : sum[column] + row[column];
    for (const column of oldest) if (row[column] !== null && !(sum[column] <= row[column])) sum[column] = row[column];
    groups.set(key(row), sum);
  }
  return groups;
}
