// Sections: possible savings, the bill, and data quality.

const inWords = (text) => text.replaceAll("_", " ");

const UPKEEP = [
  {
    id: "waste", title: "Waste",
    how: "Recordings that failed, are absent, or are too short to be useful; each is counted under the first kind that applies. Covers every month of the period in full.",
    show({ data, choice }) {
      const rows = listOf(data, "waste", choice);
      const kinds = added(rows, (row) => inWords(row.waste_kind), ["recordings", "billed_minutes", "cost"]);
      return {
        charts: [barsOf(kinds, choice.currency)],
        tables: [
          addedTable(data, "waste", `Waste by kind, ${choice.currency}`, "kind", kinds),
          folded("Every account and month", listTable(data, "waste", `Waste by account and month, ${choice.currency}`, rows)),
        ],
      };
    },
  },
  {
    id: "storage", title: "Cost of storing recordings", charts: 2,
    how: "The first chart shows the storage cost of each month at the rates in reference/storage_rates.csv; without rates only minutes are shown. The second chart shows what deleting recordings of each age would save per month from now on, independent of the period; nothing is deleted. Neither is included in any other figure. Recordings count as kept until their day is read again: verified on is the day (UTC) on which the oldest of them were last looked for, and what was deleted since is not known.",
    show({ data, choice }) {
      const kept = listOf(data, "storage", choice);
      const months = added(kept, (row) => monthName(data, choice, row.month), ["standing_recordings", "standing_minutes", "storage_cost", "storage_cost_estimate"], ["verified_on"]);
      const old = listOf(data, "retention", choice).sort((one, other) => one.from_age_days - other.from_age_days);
      const ages = added(old, (row) => row.age_bucket, ["standing_recordings", "standing_minutes", "saving_per_month"], ["verified_on"]);
      return {
        charts: [
          barsOf(months, choice.currency, { value: "storage_cost", order: "by month" }),
          barsOf(ages, `${choice.currency} a month`, { value: "saving_per_month", order: "by age" }),
        ],
        tables: [
          addedTable(data, "storage", `Storage by month, ${choice.currency}`, "month", months),
          addedTable(data, "retention", `Savings from deleting, ${choice.currency}`, "age", ages),
          folded("Every account",
            listTable(data, "storage", `Storage by account and month, ${choice.currency}`, kept),
            listTable(data, "retention", `Savings from deleting by account, ${choice.currency}`, old)),
        ],
      };
    },
  },
  {
    id: "bill", title: "Is the bill right?",
    how: "The provider's charges minus the cost of the recordings, by cause: bars to the right mean the provider charged more. Months are UTC; usage records are summed over the days that can be compared. The tables list single days outside the tolerance and changes in closed months. A comparison needs usage records or reference/invoices.csv.",
    show({ data, choice }) {
      const rows = listOf(data, "reconciliation", choice);
      const changes = listOf(data, "adjustments", choice);
      const changed = ["recordings_change", "unpriced_recordings_change", "billed_minutes_change", "cost_change"];
      const found = added(changes, (row) => `${row.month_closed.slice(0, 7)}: ${row.kind}`, changed);
      const parts = ["only_theirs", "only_ours", "quantity", "rate", "unpriced"];
      const bills = [...added(rows, (row) => row.against, parts)];
      const values = bills.flatMap(([against, sum]) => parts.filter((part) => sum[part])
        .map((part) => ({ name: `${inWords(part)}, ${against}`, cost: number(sum[part]) })));
      return {
        charts: [bars(values, choice.currency, "by bill")],
        tables: [
          listTable(data, "reconciliation", `The bill by month, ${choice.currency}`, rows),
          listTable(data, "bill_days", `Days outside the tolerance, ${choice.currency}`, listOf(data, "bill_days", choice)),
          addedTable(data, "adjustments", `Changes in closed months, ${choice.currency}`, "closed month", found),
          folded("Every change", listTable(data, "adjustments", `Every change in closed months, ${choice.currency}`, changes)),
        ],
      };
    },
  },
  {
    id: "trust", title: "Data quality",
    how: "Days of the period that were not read, records that could never be parsed, and the results of the checks.",
    show: ({ data, choice }) => ({
      charts: [],
      tables: [
        listTable(data, "holes", "Days missing from all figures", listOf(data, "holes", choice)),
        listTable(data, "rejects", `Unreadable records and the cost they may hide (estimate), ${choice.currency}`, listOf(data, "rejects", choice)),
        listTable(data, "checks", "Checks", data.tables.checks.rows),
      ],
    }),
  },
];
