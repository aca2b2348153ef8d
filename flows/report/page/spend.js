// Sections: spend. Each shows charts (null: nothing to draw) and tables.

const channelsOf = (row) => (row.channels === null ? "unknown" : String(row.channels));
// Sums by day, or by month, and something else: objects with the day, a name and the sum.
function stepsBy(choice, rows, key) {
  const groups = sums(rows, (row) => (choice.step === "month" ? monthOf(row.day) : row.day) + key(row));
  return [...groups].map(([name, sum]) => ({ day: name.slice(0, 10), name: name.slice(10), sum }));
}

const SPEND = [
  {
    id: "days", title: "Spend by day and source",
    how: "Each bar is a day, or a month if the period starts before daily figures are available; its parts are the sources. Recordings without a price are missing, so the newest bars will still grow.",
    show({ data, choice, rows }) {
      const values = stepsBy(choice, rows, (row) => shownAs(data, row.source)).filter(({ sum }) => sum.cost !== null)
        .map(({ day, name, sum }) => ({ day, source: name, cost: number(sum.cost) }));
      const steps = sums(rows, (row) => (choice.step === "month" ? monthOf(row.day) : row.day));
      const highest = [...steps].sort(byCost)[0];
      const spec = {
        height: 280, data: { values }, mark: { type: "bar", tooltip: true },
        encoding: {
          x: axisOf(choice.step), color: colourOf(data),
          y: { field: "cost", type: "quantitative", aggregate: "sum", title: choice.currency },
        },
      };
      const words = () => `Bars from ${choice.first} to ${choice.last}; the highest is ${highest[0]} with ${plain(highest[1].cost)} ${choice.currency}.`;
      return {
        charts: [values.length ? { spec, words: words() } : null],
        tables: [
          spendTable(`Spend by source, ${choice.currency}`, "source", sums(rows, (row) => row.source)),
          folded(`Every ${choice.step}`, spendTable(`Spend by ${choice.step}, ${choice.currency}`, choice.step, steps,
            choice.step === "month" ? (month) => monthName(data, choice, month) : undefined, newestFirst)),
        ],
      };
    },
  },
  {
    id: "by-account", title: "Spend by account", how: `Longest bar first; the chart shows at most ${MOST_BARS}, the table lists more.`,
    show({ data, choice, rows }) {
      const name = (sid) => accountName(data, sid);
      const groups = sums(rows, (row) => row.account);
      return {
        charts: [barsOf(groups, choice.currency, { name })],
        tables: [spendTable(`Spend by account, ${choice.currency}`, "account", groups, name)],
      };
    },
  },
  {
    id: "by-channels", title: "Spend by channels",
    how: "With one channel both sides of a call are mixed, with two they are separate; some plans charge them differently.",
    show({ choice, rows }) {
      const groups = sums(rows, channelsOf);
      return {
        charts: [barsOf(groups, choice.currency)],
        tables: [spendTable(`Spend by channels, ${choice.currency}`, "channels", groups)],
      };
    },
  },
  {
    id: "rate", title: "Cost per minute",
    how: "Cost divided by the minutes of priced recordings, one line per channel count. A dashed line marks a day on which the usual rate of an account, source and channel count changed permanently; the table lists the changes. Rates that take turns, volume tiers, and rates that are charged side by side are not changes, and have a table of their own.",
    show({ data, choice, rows }) {
      const values = stepsBy(choice, rows, channelsOf).filter(({ sum }) => rate(sum) !== null)
        .map(({ day, name, sum }) => ({ day, channels: name, rate: number(rate(sum)) }));
      const changes = listOf(data, "rate_changes", choice);
      const marked = [...new Set(changes.map((change) => change.changed_on))].map((day) => ({ day }));
      const x = axisOf(choice.step);
      const known = ["1", "2", "unknown"].filter((each) => values.some(({ channels }) => channels === each));
      const lines = {
        data: { values }, mark: { type: "line", point: true, tooltip: true },
        encoding: {
          x, y: { field: "rate", type: "quantitative", title: `${choice.currency} a minute` },
          color: { field: "channels", type: "nominal", title: "channels", scale: { domain: known, range: PALETTE } },
        },
      };
      const marks = {
        name: "changes", data: { values: marked }, mark: { type: "rule", strokeDash: [4, 4] },
        encoding: { x: { ...x, timeUnit: "utcyearmonthdate" } },
      };
      const words = `Lines from ${choice.first} to ${choice.last}, one for each channel count; the rate changed on ${marked.length} days.`;
      return {
        charts: [values.length ? { spec: { height: 240, layer: [lines, ...(marked.length ? [marks] : [])] }, words } : null],
        tables: [
          spendTable(`Cost per minute, ${choice.currency}`, "source and channels", sums(rows, (row) => `${row.source}, ${channelsOf(row)}`)),
          listTable(data, "rate_changes", `Rate changes, ${choice.currency}`, changes),
          listTable(data, "rates_in_turn", `Rates in turn or side by side, ${choice.currency}`, listOf(data, "rates_in_turn", choice)),
        ],
      };
    },
  },
];
