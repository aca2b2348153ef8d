// The page: its filters, and showing the sections.

const SECTIONS = [...SPEND, ...OUTLOOK, ...UPKEEP];
const CUSTOM = "5";
const MOST_MARKS = 3;

let latest = 0;
async function show(data) {
  const mine = (latest += 1);
  const choice = chosen(data);
  const everyCurrency = cells(data, choice, choice);
  const shown = { data, choice, everyCurrency, rows: everyCurrency.filter((row) => row.currency === choice.currency) };
  const { length } = data.accounts;
  const who = choice.accounts ? `${choice.accounts.size} of ${length} accounts` : length === 1 ? "one account" : `all ${length} accounts`;
  const period = `${choice.first} to ${choice.last}`;
  const { reporting_timezone: zone, as_of: newest, daily_from: dailyFrom } = data.settings;
  element("period-line").textContent = data.days.length ? `${period} (${zone}), ${who}. Newest day read: ${newest} (UTC).` : "No recordings yet.";
  const marks = marksOf(data, choice, choice);
  if (marks.length) element("period-line").textContent += ` Not final: ${marks.slice(0, MOST_MARKS).join(", ")}${marks.length > MOST_MARKS ? " …" : ""}.`;
  element("chosen").textContent = `: ${choice.currency}, ${period}, ${who}`;
  element("widened").textContent = choice.isWidened ? `Only whole months are available before ${dailyFrom}, so the period is ${period}.` : "";
  element("cards").replaceChildren(...cards(shown));
  for (const section of SECTIONS) {
    const { charts, tables } = section.show(shown);
    element(section.id + "-tables").replaceChildren(...tables.filter(Boolean));
    for (const [place, chart] of charts.entries()) {
      const where = element(`${section.id}-chart-${place}`);
      where.parentElement.hidden = !chart;
      if (chart) await draw(where, chart.spec, `${section.title}. ${chart.words}`);
      if (mine !== latest) return;  // the filters were changed meanwhile
    }
  }
  letScroll();
  const root = document.documentElement.dataset;
  root.drawn = String(Number(root.drawn ?? 0) + 1);
  root.shown = `${choice.currency} ${choice.first} ${choice.last} ${who}`;
}
// Make wide tables scrollable with the keyboard.
function letScroll() {
  for (const region of document.querySelectorAll(".scroll")) {
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
    else region.removeAttribute("tabindex");
  }
}

function offerCurrencies(data) {
  const all = sums(cells(data, { accounts: null }, { first: "", last: "9999" }), (row) => row.currency);
  // Currencies with a cost first, then by number of recordings.
  const order = (one, other) => (all.get(other).cost !== null) - (all.get(one).cost !== null) || all.get(other).recordings - all.get(one).recordings;
  const currencies = data.currencies.length ? [...data.currencies].sort(order) : [UNKNOWN_CURRENCY];
  const words = (currency) => (currency === UNKNOWN_CURRENCY ? "XXX (unknown)" : currency);
  element("currency").append(...currencies.map((currency) => make("option", { value: currency }, words(currency))));
}
function spansOf(data) {
  const newest = data.settings.newest_day ?? "1970-01-01";
  const current = monthOf(newest);
  return [
    ["Newest month", current, newest], ["Previous month", monthsLater(current, -1), lastOfMonth(monthsLater(current, -1))],
    ["Last three months", monthsLater(current, -2), newest], ["Last twelve months", monthsLater(current, -11), newest],
    ["Everything", data.days[0] ?? newest, newest], ["Custom", "", ""],
  ];
}
function offer(data) {
  const spans = spansOf(data);
  const again = () => show(data);
  const set = (place) => { [, element("from").value, element("to").value] = spans[place]; };
  offerCurrencies(data);
  element("accounts").append(...data.accounts.map(([sid, name]) => make("option", { value: sid }, name)));
  element("span").append(...spans.map(([words], place) => make("option", { value: String(place) }, words)));
  element("span").value = "2";
  set(2);
  element("span").addEventListener("change", () => {
    if (element("span").value === CUSTOM) return;
    set(Number(element("span").value));
    again();
  });
  const byHand = () => {
    element("span").value = CUSTOM;
    again();
  };
  for (const id of ["from", "to"]) element(id).addEventListener("change", byHand);
  for (const id of ["currency", "accounts"]) element(id).addEventListener("change", again);
  element("everything").addEventListener("click", () => { element("accounts").selectedIndex = -1; again(); });
  element("filters").addEventListener("submit", (event) => event.preventDefault());
}
function buildSections() {
  const link = ({ id, title }) => make("li", {}, make("a", { href: "#" + id }, title));
  element("contents").append(...[{ id: "summary", title: "At a glance" }, ...SECTIONS].map(link));
  const figureOf = (id) => make("figure", { hidden: "" }, make("div", { class: "chart", id }));
  const figures = ({ id, charts = 1 }) => Array.from({ length: charts }, (_, place) => figureOf(`${id}-chart-${place}`));
  element("sections").append(...SECTIONS.map((section) => make("section", { id: section.id, "aria-labelledby": section.id + "-heading" },
    make("h2", { id: section.id + "-heading" }, section.title), make("p", { class: "how" }, section.how),
    ...figures(section), make("div", { id: section.id + "-tables" }))));
  element("choice").open = window.innerWidth >= 640;
  window.addEventListener("resize", letScroll);
  window.addEventListener("beforeprint", () => { for (const details of document.querySelectorAll("main details")) details.open = true; });
}

(async () => {
  const data = await unpacked(element("payload").textContent);
  data.legend = legendOf(data);
  buildSections();
  offer(data);
  await show(data);
})();
