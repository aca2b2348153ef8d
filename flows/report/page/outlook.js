// Sections: estimates and anomalies.

function forecastChart(data, choice, known) {
  const running = data.tables.forecast.rows[0]?.month;
  const budgets = listOf(data, "budgets", ALWAYS(choice)).filter((row) => row.month === running);
  const together = budgets.filter((row) => !row.account_sid && row.expected_cost !== null);
  const longest = [...known].sort((one, other) => Number(other.expected_cost - one.expected_cost));
  const bound = (value) => (value == null ? null : number(value));
  const points = [...together, ...longest].slice(0, MOST_BARS).map((row) => ({
    name: accountName(data, row.account_sid), sid: row.account_sid,
    expected: number(row.expected_cost), low: bound(row.low_cost), high: bound(row.high_cost),
  }));
  if (!points.some((point) => point.expected || point.high)) return null;
  const marks = budgets.filter((row) => points.some((point) => point.sid === row.account_sid))
    .map((row) => ({ name: accountName(data, row.account_sid), budget: number(row.budget) }));
  const y = { ...NAMES, sort: points.map((point) => point.name) };
  const x = (field) => ({ field, type: "quantitative", title: choice.currency, axis: { grid: true, tickCount: 6 } });
  const interval = {
    name: "interval", transform: [{ filter: "datum.low !== null" }],
    mark: { type: "rule", strokeWidth: 3 }, encoding: { y, x: x("low"), x2: { field: "high" } },
  };
  const dots = {
    mark: { type: "point", filled: true, size: 90, opacity: 1, tooltip: true, color: PALETTE[0] },
    encoding: { y, x: x("expected") },
  };
  const strokes = {
    data: { values: marks }, encoding: { y, x: x("budget") },
    mark: { type: "tick", thickness: 4, size: 20, opacity: 1, tooltip: true, color: PALETTE[5] },
  };
  // A layer without values would have no axis.
  const layer = [...(points.some((point) => point.low !== null) ? [interval] : []), dots, ...(marks.length ? [strokes] : [])];
  const [first] = points;
  return {
    spec: { height: points.length * 34, data: { values: points }, layer },
    words: `${points.length} forecasts, ${marks.length} budgets; ${first.name} will probably cost ${first.expected.toFixed(2)} ${choice.currency} in ${running.slice(0, 7)}.`,
  };
}

const OUTLOOK = [
  {
    id: "to-come", title: "Cost still to come",
    how: "Minutes without a price, estimated at recently charged rates or else at the rate card, by whole months. This estimate is not included in any other figure.",
    show({ data, choice }) {
      const rows = listOf(data, "accruals", choice);
      const months = added(rows, (row) => monthName(data, choice, row.month), ["unpriced_recordings", "unpriced_minutes", "accrual", "overdue_accrual"]);
      return {
        charts: [barsOf(months, choice.currency, { value: "accrual", order: "by month" })],
        tables: [
          addedTable(data, "accruals", `Still to come by month, ${choice.currency}`, "month", months),
          folded("Every account", listTable(data, "accruals", `Still to come by account, ${choice.currency}`, rows)),
        ],
      };
    },
  },
  {
    id: "forecast", title: "Forecast of the current month",
    how: "The dot is the expected cost of the current month, the line its likely range (the table shows the probability), the vertical mark the budget from reference/budgets.csv. This estimate is not included in any other figure and does not depend on the chosen period.",
    show({ data, choice }) {
      const known = listOf(data, "forecast", choice).filter((row) => row.expected_cost !== null);
      return {
        charts: [forecastChart(data, choice, known)],
        tables: [
          listTable(data, "forecast", `Forecast of the current month, ${choice.currency}`, known),
          listTable(data, "budgets", `Budgets, ${choice.currency}`, listOf(data, "budgets", choice)),
        ],
      };
    },
  },
  {
    id: "anomalies", title: "Unusual days and new levels",
    how: "Days whose expected cost or minutes are outside the usual range of the account on that weekday, and days from which on a day costs more or less than before (average cost of a day), with the source that causes most of the difference. A new level is known 15 days after it began.",
    show({ data, choice }) {
      const newest = (name, column) => listOf(data, name, choice).sort((one, other) => (one[column] < other[column] ? 1 : -1));
      return {
        charts: [],
        tables: [
          listTable(data, "spend_shifts", `New levels of spend, ${choice.currency}`, newest("spend_shifts", "since")),
          listTable(data, "anomalies", `Unusual days, ${choice.currency}`, newest("anomalies", "usage_date")),
        ],
      };
    },
  },
];
