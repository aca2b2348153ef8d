// The page: what can be chosen, and showing it.

const SECTIONS = [...SPEND, ...OUTLOOK, ...UPKEEP];
const AS_CHOSEN = "5";

let latest = 0;
async function show(data) {
  const mine = (latest += 1);
  const choice = chosen(data);
  const everyCurrency = cells(data, choice, choice);
  const shown = { data, choice, everyCurrency, rows: everyCurrency.filter((row) => row.currency === choice.currency) };
  const who = choice.accounts ? `${choice.accounts.size} of ${data.accounts.length} accounts` : data.accounts.length === 1 ? "one account" : `all ${data.accounts.length} accounts`;
  element("period-line").textContent = data.days.length ? `${choice.first} to ${choice.last} (${data.settings.reporting_timezone}), ${who}. The newest day that was read is ${data.settings.as_of} (UTC).` : "No recordings yet.";
  element("chosen").textContent = `: ${choice.currency}, ${choice.first} to ${choice.last}, ${who}`;
  element("widened").textContent = choice.isWidened ? `Before ${data.settings.daily_from} only whole months are known here, so the period is ${choice.first} to ${choice.last}.` : "";
  element("cards").replaceChildren(...cards(shown));
  for (const section of SECTIONS) {
    const { charts, tables } = section.show(shown);
    element(section.id + "-tables").replaceChildren(...tables.filter(Boolean));
    for (const [place, chart] of charts.entries()) {
      const where = element(`${section.id}-chart-${place}`);
      where.parentElement.hidden = !chart;
      if (chart) await draw(where, chart.spec, `${section.title}. ${chart.words}`);
      if (mine !== latest) return;  // something else was chosen meanwhile
    }
  }
  letScroll();
  const root = document.documentElement.dataset;
  root.drawn = String(Number(root.drawn ?? 0) + 1);
  root.shown = `${choice.currency} ${choice.first} ${choice.last} ${who}`;
}
// What is wider than the screen can be scrolled by keyboard.
function letScroll() {
  for (const region of document.querySelectorAll(".scroll")) {
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
    else region.removeAttribute("tabindex");
  }
}

function offerCurrencies(data) {
  const all = sums(cells(data, { accounts: null }, { first: "", last: "9999" }), (row) => row.currency);
  // Those with a cost first, then by how much they are used.
  const order = (one, other) => (all.get(other).cost !== null) - (all.get(one).cost !== null) || all.get(other).recordings - all.get(one).recordings;
  const currencies = data.currencies.length ? [...data.currencies].sort(order) : [UNKNOWN_CURRENCY];
  const words = (currency) => (currency === UNKNOWN_CURRENCY ? "XXX (not known)" : currency);
  element("currency").append(...currencies.map((currency) => make("option", { value: currency }, words(currency))));
}
function spansOf(data) {
  const asOf = data.settings.as_of ?? "1970-01-01";
  const newest = data.days.length && data.days[data.days.length - 1] > asOf ? data.days[data.days.length - 1] : asOf;
  const current = monthOf(newest);
  return [
    ["This month", current, newest], ["Last month", monthsLater(current, -1), lastOfMonth(monthsLater(current, -1))],
    ["Three months", monthsLater(current, -2), newest], ["Twelve months", monthsLater(current, -11), newest],
    ["Everything", data.days[0] ?? asOf, newest], ["As chosen", "", ""],
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
  element("span").addEventListener("change", () => { if (element("span").value !== AS_CHOSEN) { set(Number(element("span").value)); again(); } });
  for (const id of ["from", "to"]) element(id).addEventListener("change", () => { element("span").value = AS_CHOSEN; again(); });
  for (const id of ["currency", "accounts"]) element(id).addEventListener("change", again);
  element("everything").addEventListener("click", () => { element("accounts").selectedIndex = -1; again(); });
  element("filters").addEventListener("submit", (event) => event.preventDefault());
}
function furnish() {
  element("contents").append(...[["summary", "At a glance"], ...SECTIONS.map(({ id, title }) => [id, title])].map(([id, title]) => make("li", {}, make("a", { href: "#" + id }, title))));
  const figures = ({ id, charts = 1 }) => Array.from({ length: charts }, (_, place) => make("figure", { hidden: "" }, make("div", { class: "chart", id: `${id}-chart-${place}` })));
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
  furnish();
  offer(data);
  await show(data);
})();
