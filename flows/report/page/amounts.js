"use strict";
// Exact amounts, days and months as text; helpers for elements.

// Money is counted in billionths, so sums are exact to the last decimal. So are minutes, whose tenth is left out.
const NANO = 1000000000n;
const DAY = 86400000;
const NOTHING = "\u2013";

const element = (id) => document.getElementById(id);
function make(tag, attributes = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value);
  created.append(...children);
  return created;
}

function nano(value) {
  if (value === null) return null;
  const text = String(value);
  const negative = text.startsWith("-");
  const [whole, decimals = ""] = text.replace("-", "").split(".");
  const size = BigInt(whole) * NANO + BigInt(decimals.padEnd(9, "0").slice(0, 9));
  return negative ? -size : size;
}
const number = (value) => Number(value) / 1e9;
const sizeOf = (value) => (value < 0n ? -value : value);
const count = (value) => value.toString().replace(/\B(?=(\d{3})+$)/g, ",").replace("-", "\u2212");
// All digits, without trailing zeros, but with at least this many decimals.
function plain(value, fewest = 2) {
  const size = sizeOf(value);
  const decimals = (size % NANO).toString().padStart(9, "0").replace(/0+$/, "").padEnd(fewest, "0");
  return (value < 0n ? "\u2212" : "") + count(size / NANO) + (decimals ? "." + decimals : "");
}
function rounded(value, decimals) {
  const step = 10n ** BigInt(9 - decimals);
  const size = ((sizeOf(value) + step / 2n) / step) * step;
  return plain(value < 0n ? -size : size, decimals);
}
// Digits of an estimate are not reliable after the second decimal.
function about(value, currency) {
  return value > 0n && value < NANO / 100n ? `less than 0.01 ${currency}` : `about ${rounded(value, 2)} ${currency}`;
}

const time = (day) => Date.parse(day + "T00:00:00Z");
const iso = (moment) => new Date(moment).toISOString().slice(0, 10);
const daysLater = (day, days) => iso(time(day) + days * DAY);
const daysBetween = (first, last) => Math.round((time(last) - time(first)) / DAY) + 1;
const monthOf = (day) => day.slice(0, 8) + "01";
function monthsLater(day, months) {
  const [year, month] = day.split("-").map(Number);
  return iso(Date.UTC(year, month - 1 + months, 1));
}
const lastOfMonth = (day) => daysLater(monthsLater(day, 1), -1);
