"use strict";
// Draws the charts from the data of the page, links them by the chosen layers, sorts and filters the tables.
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const views = new Map();
  const chosen = new Set();
  const count = document.querySelectorAll(".boxes input").length;

  // Rows of a figure from its columns; words come as numbers of a list.
  const rows = {};
  function rowsOf(key) {
    if (rows[key]) return rows[key];
    const columns = Object.entries(page.data[key]).map(([name, c]) => [name, Array.isArray(c) ? c : c.at.map((i) => c.words[i])]);
    const length = columns.length ? columns[0][1].length : 0;
    rows[key] = Array.from({ length }, (_, i) => Object.fromEntries(columns.map(([name, values]) => [name, values[i]])));
    return rows[key];
  }

  const dark = () => root.dataset.theme === "dark";

  function themed(spec) {
    if (!dark()) return spec;
    let text = JSON.stringify(spec).replace(JSON.stringify(page.heat.light), JSON.stringify(page.heat.dark));
    for (const [from, to] of Object.entries(page.dark)) text = text.replaceAll(`"${from}"`, `"${to}"`);
    return JSON.parse(text);
  }

  function config(width) {
    const text = dark() ? "#e8ebef" : "#16191d", faint = dark() ? "#a3adb8" : "#59616b", line = dark() ? "#343b44" : "#e2e5ea";
    return {
      background: "transparent", font: page.font, view: { stroke: null },
      axis: { labelColor: faint, titleColor: text, gridColor: line, domainColor: faint, tickColor: faint, titleFontWeight: "normal", labelFontSize: 11, titleFontSize: 12 },
      legend: { orient: "top", labelColor: text, titleColor: faint, titleFontWeight: "normal", labelFontSize: 11, titleFontSize: 11, symbolOpacity: 1, labelLimit: 190, columns: Math.max(1, Math.floor(width / 125)) },
      text: { color: text }, title: { color: text },
    };
  }

  async function draw({ panel, data, spec }) {
    const element = document.getElementById(panel);
    const caption = element.closest("figure").querySelector("figcaption").textContent.trim();
    const full = {
      $schema: page.version, description: caption, data: { values: rowsOf(data) }, params: [{ name: "chosen", value: [...chosen] }],
      width: "container", autosize: { type: "fit-x", contains: "padding" }, config: config(element.clientWidth), ...themed(spec),
    };
    const { view } = await vegaEmbed(element, full, {
      renderer: "svg", tooltip: { theme: dark() ? "dark" : "light" },
      actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false }, downloadFileName: panel,
    });
    view.addEventListener("click", (event, item) => {
      const layer = item && item.datum && item.datum.layer;
      if (layer) choose(layer, event.shiftKey || event.ctrlKey || event.metaKey);
    });
    views.set(panel, view);
  }

  async function drawAll() {
    for (const [panel, view] of views) { view.finalize(); views.delete(panel); }
    for (const chart of page.charts) {
      try { await draw(chart); } catch (error) {
        document.getElementById(chart.panel).textContent = `This chart could not be drawn: ${error.message}`;
        console.error(error);
      }
      await new Promise((done) => setTimeout(done));
    }
  }

  // Layers: one click chooses one, a second on the same shows all again; with a key held more are added.
  function choose(layer, more) {
    const alone = chosen.size === 1 && chosen.has(layer);
    if (more) { chosen.has(layer) ? chosen.delete(layer) : chosen.add(layer); }
    else { chosen.clear(); if (!alone) chosen.add(layer); }
    return show();
  }

  function show() {
    for (const box of document.querySelectorAll(".boxes input")) box.checked = chosen.has(box.value);
    const told = document.getElementById("chosen");
    if (told) {
      const names = [...chosen];
      told.textContent = names.length === 0 ? `All ${count} layers` : names.length <= 2 ? `Layers: ${names.join(", ")}` : `${names.length} of ${count} layers`;
      document.getElementById("all").hidden = names.length === 0;
    }
    for (const table of document.querySelectorAll("table")) filter(table);
    return Promise.all([...views.values()].map((view) => view.signal("chosen", [...chosen]).runAsync()));
  }

  function filter(table) {
    const words = document.querySelector(`input[data-table="${table.dataset.name}"]`).value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of table.tBodies[0].rows) {
      const layer = row.dataset.layer;
      const text = row.textContent.toLowerCase();
      row.hidden = (layer && chosen.size > 0 && !chosen.has(layer)) || !words.every((word) => text.includes(word));
      row.classList.toggle("chosen", Boolean(layer) && chosen.has(layer));
    }
  }

  function sort(header) {
    const table = header.closest("table"), body = table.tBodies[0], place = header.cellIndex;
    const down = header.getAttribute("aria-sort") === "ascending";
    for (const other of header.parentElement.cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => { const cell = row.cells[place]; return cell.dataset.key ?? cell.textContent; };
    const numeric = [...body.rows].some((row) => row.cells[place].classList.contains("n"));
    const order = (a, b) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      return (down ? -1 : 1) * (numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
    };
    body.append(...[...body.rows].map((row) => [key(row), row]).sort((a, b) => order(a[0], b[0])).map((pair) => pair[1]));
  }

  for (const header of document.querySelectorAll("th")) header.querySelector("button").addEventListener("click", () => sort(header));
  for (const input of document.querySelectorAll("input[data-table]"))
    input.addEventListener("input", () => filter(document.querySelector(`table[data-name="${input.dataset.table}"]`)));
  for (const row of document.querySelectorAll("tr[data-layer]"))
    row.addEventListener("click", (event) => choose(row.dataset.layer, event.shiftKey || event.ctrlKey || event.metaKey));
  for (const box of document.querySelectorAll(".boxes input"))
    box.addEventListener("change", () => { box.checked ? chosen.add(box.value) : chosen.delete(box.value); show(); });
  document.getElementById("all")?.addEventListener("click", () => { chosen.clear(); show(); });

  const system = matchMedia("(prefers-color-scheme: dark)"), select = document.getElementById("theme");
  function theme(name) {
    root.dataset.theme = name === "auto" ? (system.matches ? "dark" : "light") : name;
    select.value = name;
    api.ready = api.ready.then(drawAll);
    return api.ready;
  }
  select.addEventListener("change", () => { try { localStorage.setItem("accelsim-theme", select.value); } catch { /* a page from a file may have none */ } theme(select.value); });
  system.addEventListener("change", () => { if (select.value === "auto") theme("auto"); });
  document.getElementById("print").addEventListener("click", async () => {
    const before = select.value;
    if (dark()) await theme("light");
    window.print();
    if (before !== select.value) theme(before);
  });

  let kept = null;
  try { kept = localStorage.getItem("accelsim-theme"); } catch { /* as above */ }
  const api = { ready: Promise.resolve(), views, choose, theme, chosen };
  window.accelsim = api;
  theme(["light", "dark"].includes(kept) ? kept : "auto");
})();
