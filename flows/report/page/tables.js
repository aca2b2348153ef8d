// Tables: each in its own region, which scrolls if it is wide.

const MOST_ROWS = 200;
// Shown with four decimals: estimates are not more precise than that.
const ESTIMATES = new Set([
  "accrual", "overdue_accrual", "expected_cost", "low_cost", "high_cost", "storage_cost", "storage_cost_estimate",
  "saving_per_month", "hidden_cost", "value", "median", "lower_bound", "upper_bound", "source_difference",
]);
const MONTHS = new Set(["month", "month_found", "month_closed"]);
const HIDDEN = new Set(["currency", "account_name"]);  // shown in the caption and in the account column

const IS_DAY = /^\d{4}-\d\d(-\d\d)?$/;

const figure = (text) => ({ text, isNumber: true });
const amount = (value) => figure(value === null ? NOTHING : count(value));
const money = (value, fewest) => (value === null ? figure(NOTHING) : { ...figure(plain(value, fewest)), isMoney: true });
const estimate = (value) => (value === null ? figure(NOTHING) : figure(rounded(value, 4)));

const decimalsOf = (text) => (text.split(".")[1] ?? "").length;
function align(rows, place) {
  const most = Math.max(0, ...rows.map((row) => (row[place].isMoney ? decimalsOf(row[place].text) : 0)));
  for (const { [place]: cell } of rows) {
    if (cell.isMoney && most) cell.text += (decimalsOf(cell.text) ? "" : ".") + "0".repeat(most - decimalsOf(cell.text));
  }
}
// Cells are texts or figures. The first cell of a row is its header.
function tableOf(caption, heads, rows) {
  if (!rows.length) return make("p", { class: "none" }, `${caption}: none.`);
  const shown = rows.slice(0, MOST_ROWS);
  heads.forEach((_, place) => align(shown, place));
  const kind = heads.map((_, place) => (shown.some((row) => row[place].isNumber) ? "number" : "text"));
  const left = rows.length > shown.length ? `; the first ${MOST_ROWS} of ${count(rows.length)} rows (all are in the CSV file)` : "";
  const cell = (content, place) => {
    const name = kind[place] + (IS_DAY.test(content) ? " whole" : "");
    return make(place ? "td" : "th", place ? { class: name } : { scope: "row", class: name }, content.text ?? content);
  };
  return make("div", { class: "scroll", role: "region", "aria-label": caption },
    make("table", {},
      make("caption", {}, caption + left),
      make("thead", {}, make("tr", {}, ...heads.map((head, place) => make("th", { scope: "col", class: kind[place] }, head)))),
      make("tbody", {}, ...shown.map((row) => make("tr", {}, ...row.map(cell))))));
}
// Collapsed details for few readers; nothing if all the tables are empty.
function folded(words, ...tables) {
  return tables.some((table) => table.matches(".scroll")) ? make("details", {}, make("summary", {}, words), ...tables) : null;
}

const byName = (one, other) => String(one[0]).localeCompare(String(other[0]));
const byCost = (one, other) => Number((other[1].cost ?? -1n) - (one[1].cost ?? -1n)) || byName(one, other);
const newestFirst = (one, other) => (one[0] < other[0] ? 1 : -1);

function spendTable(caption, head, groups, name = (key) => key, order = byCost) {
  const extras = [["withoutMinutes", "cost without minutes"], ["credits", "credits (already deducted)"]]
    .filter(([name]) => [...groups.values()].some((sum) => sum[name]));
  const rows = [...groups].sort(order).map(([key, sum]) => [
    name(key), money(sum.cost), amount(sum.recordings), amount(sum.unpriced), figure(plain(sum.minutes, 0)), money(rate(sum)),
    ...extras.map(([name]) => money(sum[name])),
  ]);
  const heads = [head, "cost", "recordings", "unpriced", "billed minutes", "cost per minute", ...extras.map(([, title]) => title)];
  return tableOf(caption, heads, rows);
}

const CELLS = {
  text: (value, column) => (value === null ? NOTHING : MONTHS.has(column) ? value.slice(0, 7) : value),
  integer: amount,
  decimal: (value, column) => (ESTIMATES.has(column) ? estimate(value) : money(value)),
};
const headOf = (column) => (column === "account_sid" ? "account" : column.replaceAll("_", " "));
const accountName = (data, sid) => (sid ? data.names.get(sid) ?? sid : "all accounts");
// Rows of a warehouse table, unchanged.
function listTable(data, name, caption, rows) {
  const columns = data.tables[name].columns.filter((column) => !HIDDEN.has(column.name));
  const cell = (row, { name, kind }) => (name === "account_sid" ? accountName(data, row[name]) : CELLS[kind](row[name], name));
  const heads = columns.map((column) => headOf(column.name));
  return tableOf(caption, heads, rows.map((row) => columns.map((column) => cell(row, column))));
}
// Sums of such rows by key.
function addedTable(data, name, caption, head, groups) {
  const columns = data.tables[name].columns.filter((column) => [...groups.values()].some((sum) => column.name in sum));
  const rows = [...groups].map(([key, sum]) => [key, ...columns.map((column) => CELLS[column.kind](sum[column.name], column.name))]);
  return tableOf(caption, [head, ...columns.map((column) => headOf(column.name))], rows);
}
