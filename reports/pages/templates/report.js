"use strict";
// Draws charts when they come into view, sorts the table of trials, puts two trials side by side. Nothing is fetched: plotly lies packed in the page.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const settings = read("settings");
  const palette = read("palette");
  let loading = null;

  async function unpacked(id) {
    const packed = atob(document.getElementById(id).textContent.trim());
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  async function unpack() {
    const script = document.createElement("script");
    script.textContent = await unpacked("plotly");
    document.head.append(script);
  }

  function inScheme(plain) {
    if (typeof plain === "string") return dark.matches && palette[plain] ? palette[plain] : plain;
    if (Array.isArray(plain)) return plain.map(inScheme);
    if (plain && typeof plain === "object") return Object.fromEntries(Object.entries(plain).map(([key, item]) => [key, inScheme(item)]));
    return plain;
  }

  async function draw(place) {
    loading ??= unpack();
    await loading;
    const figure = inScheme(read(place.dataset.figure));
    await Plotly.react(place, figure.data, figure.layout, settings);
    place.parentElement.classList.add("drawn");
  }

  const drawn = new Set();
  const watcher = new IntersectionObserver((seen) => {
    for (const one of seen) {
      if (!one.isIntersecting) continue;
      watcher.unobserve(one.target);
      drawn.add(one.target);
      draw(one.target);
    }
  }, { rootMargin: "300px" });
  for (const place of document.querySelectorAll(".live")) watcher.observe(place.parentElement.querySelector(".live"));
  dark.addEventListener("change", () => drawn.forEach(draw));

  function key(row, column, kind) {
    const text = row.cells[column].textContent.trim();
    const number = parseFloat(text.replace(/[,%\s]/g, "").replace("−", "-"));
    if (kind === "number") return Number.isNaN(number) ? null : number;
    return text === "" ? null : Number.isNaN(number) ? text : number;
  }

  function sort(table, heading) {
    const body = table.tBodies[0];
    const column = heading.cellIndex;
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => [key(row, column, heading.dataset.kind), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      return descending ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      button.addEventListener("click", () => sort(table, heading));
      heading.replaceChildren(button);
    }
  }

  // Side by side: fills the table again for any other pair of trials.
  function choice(text, trials, chosen, changed) {
    const label = document.createElement("label");
    const select = document.createElement("select");
    for (const trial of trials) {
      const shown = `${trial.number}: ${trial.score}${trial.name ? ", " + trial.name : ""}`;
      select.append(new Option(shown, trial.number, false, trial.number === chosen));
    }
    select.addEventListener("change", changed);
    label.append(`${text} `, select);
    return { label, trial: () => trials.find((one) => one.number === Number(select.value)) };
  }

  function cell(kind, text) {
    const made = document.createElement(kind);
    if (kind === "td") made.className = "number";
    else made.scope = "row";
    made.textContent = text;
    return made;
  }

  function signed(difference) {
    const size = Math.abs(difference).toFixed(3);
    return size === "0.000" ? size : (difference < 0 ? "−" : "+") + size;
  }

  function moved(name, support, first, second, largest) {
    const gain = (second - first) / support;
    const row = document.createElement("tr");
    const bars = cell("td", "");
    const bar = document.createElement("span");
    bars.className = "bars";
    bar.className = `bar ${gain > 0 ? "accent" : "contrast"}`;
    bar.style.setProperty("--part", (Math.abs(gain) / (largest || 1)).toFixed(4));
    bar.setAttribute("aria-hidden", "true");
    bars.append(bar);
    row.append(cell("th", name), cell("td", (first / support).toFixed(3)), cell("td", (second / support).toFixed(3)),
      cell("td", signed(gain)), bars, cell("td", support.toLocaleString("en")));
    return { gain, row };
  }

  function sideBySide(place) {
    const { classes, support, trials } = read("recalls");
    const table = document.getElementById("moves");
    const fill = () => {
      const [one, two] = [first.trial(), second.trial()];
      const rows = classes.map((name, at) => [name, support[at], one.hits[at], two.hits[at]]).filter(([, of]) => of);
      const largest = Math.max(...rows.map(([, of, a, b]) => Math.abs(b - a) / of));
      const moves = rows.map((row) => moved(...row, largest)).sort((a, b) => a.gain - b.gain);
      const better = moves.filter((move) => move.gain > 0).length;
      const worse = moves.filter((move) => move.gain < 0).length;
      table.tBodies[0].replaceChildren(...moves.map((move) => move.row));
      table.caption.textContent = `Recall on validation images, trial ${one.number} against trial ${two.number}`;
      [one, two].forEach((trial, at) => { table.tHead.rows[0].cells[at + 1].textContent = `trial ${trial.number}`; });
      const same = moves.length - better - worse;
      document.getElementById("moves-sentence").textContent = `Trial ${two.number} finds more images than trial ${one.number} in `
        + `${better} of ${moves.length} classes and fewer in ${worse}${same ? `; in ${same} both find as many` : ""}.`;
    };
    const first = choice("Trial", trials, Number(place.dataset.first), fill);
    const second = choice("against trial", trials, Number(place.dataset.second), fill);
    place.append(first.label, second.label);
  }

  const pair = document.querySelector(".choice");
  if (pair) sideBySide(pair);

  // Trials that the page does not lay out are built when they are opened.
  let others = null;

  function filled(caption, rows) {
    const table = document.createElement("table");
    table.className = "plain narrow";
    table.createCaption().textContent = caption;
    const body = table.createTBody();
    for (const [name, ...cells] of rows) {
      const row = body.insertRow();
      row.append(cell("th", name), ...cells.map((text) => cell("td", text)));
    }
    const place = document.createElement("div");
    place.className = "scroll tall";
    place.tabIndex = 0;
    place.setAttribute("role", "region");
    place.setAttribute("aria-label", caption);
    place.append(table);
    return place;
  }

  function recallRows(number) {
    const known = read("recalls");
    const hits = known?.trials.find((one) => one.number === number)?.hits;
    return hits ? known.classes.map((name, at) => [name, known.support[at] ? (hits[at] / known.support[at]).toFixed(3) : "–", `${hits[at]} of ${known.support[at]}`]) : [];
  }

  async function built(number) {
    others ??= unpacked("others").then(JSON.parse);
    const found = (await others)[number];
    if (!found || document.getElementById(`trial-${number}`)) return;
    const trial = document.createElement("details");
    trial.className = "trial";
    trial.id = `trial-${number}`;
    const summary = document.createElement("summary");
    const name = document.createElement("b");
    name.textContent = `Trial ${number}`;
    summary.append(name);
    const recalls = recallRows(number);
    const pair = document.createElement("div");
    pair.className = "pair";
    const left = document.createElement("div");
    const chart = document.createElement("div");
    chart.className = "live";
    left.append(chart);
    if (recalls.length) left.append(filled(`Recall on validation images of trial ${number}`, recalls));
    pair.append(left, filled(`Recipe of trial ${number}`, found.recipe));
    trial.append(summary, pair);
    document.getElementById("opened").append(trial);
    trial.open = true;
    if (found.epochs.length) {
      loading ??= unpack();
      await loading;
      const figure = inScheme(read("other-curve"));
      Object.assign(figure.data[0], { x: found.epochs, y: found.scores, mode: found.epochs.length > 1 ? "lines" : "markers" });
      await Plotly.react(chart, figure.data, figure.layout, settings);
    }
    trial.scrollIntoView();
  }

  for (const heading of document.querySelectorAll("#trial-table tbody th")) {
    if (heading.querySelector("a")) continue;
    const link = document.createElement("a");
    link.href = `#trial-${heading.textContent.trim()}`;
    link.textContent = heading.textContent.trim();
    heading.replaceChildren(link);
  }

  function openTarget() {
    const name = decodeURIComponent(location.hash.slice(1));
    const target = name && document.getElementById(name);
    if (target instanceof HTMLDetailsElement) target.open = true;
    else if (!target && /^trial-\d+$/.test(name)) built(Number(name.slice(6)));
  }
  addEventListener("hashchange", openTarget);
  openTarget();
  document.documentElement.classList.add("has-script");
})();
