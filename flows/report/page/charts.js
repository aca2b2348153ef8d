// Charts: Vega-Lite specifications and drawing. Colours of text and lines are in page.css.

const MOST_BARS = 15;
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1", "#7f7f7f"];
const OTHERS = "others";

const drawn = new Map();
async function draw(place, spec, words) {
  const narrow = window.innerWidth < 640;
  const text = { labelFontSize: 12, titleFontSize: 12 };
  const whole = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: "container", background: null, autosize: { type: "fit-x", contains: "padding" },
    config: {
      font: "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif", view: { stroke: null },
      axis: { ...text, labelLimit: narrow ? 110 : 220 }, axisX: { grid: false, labelFlush: true },
      legend: { ...text, orient: "bottom", columns: narrow ? 2 : 4, labelLimit: narrow ? 130 : 220 },
    },
    ...spec,
  };
  drawn.get(place)?.finalize();
  drawn.set(place, await vegaEmbed(place, whole, { actions: false, renderer: "svg", tooltip: true }));
  // One image with a description for screen readers, not every mark; the table below has the figures.
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", words);
  for (const part of place.children) part.setAttribute("aria-hidden", "true");
}

const NAMES = { field: "name", type: "nominal", sort: null, title: null };
// rows: name and cost (a number).
function bars(rows, title, ordered = "longest") {
  const longest = rows.reduce((most, row) => (row.cost > most.cost ? row : most), rows[0]);
  return rows.length ? {
    words: `${rows.length} bars, ${ordered === "longest" ? "longest first" : ordered}; the longest is ${longest.name} with ${longest.cost.toFixed(2)} ${title}.`,
    spec: {
      height: rows.length * 26, data: { values: rows }, mark: { type: "bar", tooltip: true, color: PALETTE[0] },
      encoding: { y: NAMES, x: { field: "cost", type: "quantitative", title, axis: { grid: true, tickCount: 6 } } },
    },
  } : null;
}
// groups: name → object with a cost, null if it is not known.
function barsOf(groups, title, { name = (key) => key, value = "cost", order = null } = {}) {
  const known = [...groups].filter(([, sum]) => sum[value]);
  if (!order) known.sort((one, other) => Number(other[1][value] - one[1][value]) || byName(one, other));
  return bars(known.slice(0, MOST_BARS).map(([key, sum]) => ({ name: name(key), cost: number(sum[value]) })), title, order ?? "longest");
}

// A source has the same colour in every chart, whatever the filters.
function legendOf(data) {
  const recordings = new Map(data.sources.map((source) => [source, 0]));
  for (const [row, place] of data.cube.source.entries()) {
    recordings.set(data.sources[place], recordings.get(data.sources[place]) + data.cube.recordings[row]);
  }
  if (data.sources.length <= PALETTE.length) return data.sources;
  const most = [...recordings].sort((one, other) => other[1] - one[1]).slice(0, PALETTE.length - 1).map(([source]) => source);
  return [...most.sort(), OTHERS];
}
const shownAs = (data, source) => (data.legend.includes(source) ? source : OTHERS);
const colourOf = (data) => ({ field: "source", type: "nominal", title: null, scale: { domain: data.legend, range: PALETTE } });
const axisOf = (step) => ({
  field: "day", type: "temporal", timeUnit: step === "month" ? "utcyearmonth" : "utcyearmonthdate", title: null,
  axis: { format: step === "month" ? "%b %Y" : "%d %b", labelOverlap: true },
});
