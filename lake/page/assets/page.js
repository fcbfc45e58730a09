// The lake's page: search over the datasets and their columns, ages of times, and nothing that leaves this site.
"use strict";

/** A text as it is compared: without accents and case, ß as ss. */
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss");

/** How well one word fits a dataset, 0 for not at all, and the columns in which it was found. */
function rate(word, dataset) {
  const [name, text, source] = [dataset.name, dataset.text, dataset.source].map(fold);
  const columns = dataset.columns.filter(([column, about]) => fold(column + " " + about).includes(word));
  const score =
    (name === word ? 100 : 0) + (name.startsWith(word) ? 40 : 0) + (name.includes(word) ? 20 : 0) +
    (columns.some(([column]) => fold(column) === word) ? 15 : 0) + (columns.length ? 8 : 0) +
    (text.includes(word) ? 4 : 0) + (source.includes(word) || dataset.zone === word ? 4 : 0);
  return { score, columns: columns.map(([column]) => column) };
}

/** The datasets that every word fits, the best first; of two alike, the one that comes first in the alphabet. */
function find(text, datasets) {
  const words = fold(text).split(/\s+/).filter(Boolean);
  return datasets
    .map((dataset) => {
      const rated = words.map((word) => rate(word, dataset));
      const score = rated.every((each) => each.score) ? rated.reduce((sum, each) => sum + each.score, 0) : 0;
      return { dataset, score, columns: [...new Set(rated.flatMap((each) => each.columns))] };
    })
    .filter((found) => found.score)
    .sort((a, b) => b.score - a.score || (a.dataset.name < b.dataset.name ? -1 : 1));
}

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function toResult({ dataset, columns }) {
  const link = document.createElement("a");
  link.href = dataset.href;
  link.append(element("strong", dataset.name), " ", element("span", dataset.zone, `soft zone zone-${dataset.zone}`));
  if (dataset.text) link.append(element("small", dataset.text));
  if (columns.length) link.append(element("small", `columns: ${columns.slice(0, 8).join(", ")}`));
  const item = document.createElement("li");
  item.append(link);
  return item;
}

function setUpSearch(input, block) {
  const datasets = JSON.parse(block.textContent);
  const results = document.getElementById("results");
  const list = results.querySelector("ol");
  const count = document.getElementById("found");
  const everything = document.getElementById("everything");

  const show = () => {
    const text = input.value.trim();
    const found = text ? find(text, datasets) : [];
    list.replaceChildren(...found.map(toResult));
    count.textContent = !text ? "" : found.length === 1 ? "1 dataset found" : `${found.length} datasets found`;
    results.hidden = !text;
    everything.hidden = Boolean(text);
  };
  input.addEventListener("input", () => {
    show();
    const query = input.value.trim();
    history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname);
  });
  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = list.querySelector("a");
    if (first) location.assign(first.href);
  });
  const step = (event) => {
    const places = [input, ...list.querySelectorAll("a")];
    const here = places.indexOf(document.activeElement);
    const next = places[here + (event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0)];
    if (here >= 0 && next && next !== document.activeElement) {
      event.preventDefault();
      next.focus();
    }
  };
  input.addEventListener("keydown", step);
  list.addEventListener("keydown", step);
  input.value = new URLSearchParams(location.search).get("q") || input.value;
  show();
}

/** "3 days ago" after each time that has an age; "later than usual" where one is overdue. */
function showAges(now) {
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const time of document.querySelectorAll("time[data-age]")) {
    const seconds = Math.max(0, (now - Date.parse(time.dateTime)) / 1000);
    const [unit, size] = units.find((each) => seconds >= each[1]) || ["minute", 60];
    const age = element("small", words.format(-Math.floor(seconds / size), unit));
    const usual = Number(time.dataset.usual);
    if (usual && seconds > 3 * Math.max(usual, 3600)) {
      age.className = "late";
      age.textContent += ", later than usual";
    }
    time.after(" ", age);
  }
}

const search = document.querySelector("input[type=search]");
const index = document.getElementById("index");
if (search && index) setUpSearch(search, index);
showAges(Date.now());

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches && event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && search && document.activeElement === search) {
    search.value = "";
    search.dispatchEvent(new Event("input"));
    search.blur();
  }
});
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
