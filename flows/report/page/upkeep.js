// Sections: what could be saved, what is charged, and what all of it rests on.

const inWords = (text) => text.replaceAll("_", " ");

const UPKEEP = [
  {
    id: "waste", title: "What was wasted",
    how: "Recordings that failed, are absent, or are too short to be of use, each under the first kind that fits. Whole months, from the first to the last of the period.",
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
    id: "storage", title: "What keeping recordings costs", charts: 2,
    how: "The first bars are what the minutes kept cost each month, by the rates of reference/storage_rates.csv; without rates there are minutes and no cost. The second are what deleting recordings of an age would save a month from now on, whatever the period; nothing is deleted. Neither is in any other figure.",
    show({ data, choice }) {
      const kept = listOf(data, "storage", choice);
      const months = added(kept, (row) => row.month.slice(0, 7), ["standing_recordings", "standing_minutes", "storage_cost", "storage_cost_estimate"]);
      const old = listOf(data, "retention", choice).sort((one, other) => one.from_age_days - other.from_age_days);
      const ages = added(old, (row) => row.age_bucket, ["standing_recordings", "standing_minutes", "saving_per_month"]);
      return {
        charts: [
          barsOf(months, choice.currency, { value: "storage_cost", order: "by month" }),
          barsOf(ages, `${choice.currency} a month`, { value: "saving_per_month", order: "by age" }),
        ],
        tables: [
          addedTable(data, "storage", `Storage by month, ${choice.currency}`, "month", months),
          addedTable(data, "retention", `What deleting would save, ${choice.currency}`, "age", ages),
          folded("Every account",
            listTable(data, "storage", `Storage by account and month, ${choice.currency}`, kept),
            listTable(data, "retention", `What deleting would save by account, ${choice.currency}`, old)),
        ],
      };
    },
  },
  {
    id: "bill", title: "Is the bill right?",
    how: "What the provider charges less what the recordings say: a bar to the right is what they charge more, and why. Whole months of UTC; usage records are added up over the days that can be compared. Below, single days outside the tolerance, and what changed in months that were closed. Nothing is compared without usage records or reference/invoices.csv.",
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
          addedTable(data, "adjustments", `What changed in closed months, ${choice.currency}`, "closed month", found),
          folded("Every change", listTable(data, "adjustments", `Every change in closed months, ${choice.currency}`, changes)),
        ],
      };
    },
  },
  {
    id: "trust", title: "What the figures rest on",
    how: "A figure is only as good as what was read: days of the period that were not read, records that were not understood at any time, and what the checks found.",
    show: ({ data, choice }) => ({
      charts: [],
      tables: [
        listTable(data, "holes", "Days that no figure covers", listOf(data, "holes", choice)),
        listTable(data, "rejects", `Records that were not understood, and about what they may hide, ${choice.currency}`, listOf(data, "rejects", choice)),
        listTable(data, "checks", "Checks", data.tables.checks.rows),
      ],
    }),
  },
];
