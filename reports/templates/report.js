"use strict";
// Draws charts when they come into view, sorts the table of trials, puts two trials side by side. Nothing is fetched: plotly lies packed in the page.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const settings = read("settings");
  const palette = read("palette");
  let loading = null;

  async function unpack() {
    const packed = atob(document.getElementById("plotly").textContent.trim());
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(plain).text();
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

  // Side by side: fills the table that the page brings for one pair of trials anew for any other.
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
      document.getElementById("moves-told").textContent = `Trial ${two.number} finds more images than trial ${one.number} in `
        + `${better} of ${moves.length} classes and fewer in ${worse}${same ? `; in ${same} it finds as many` : ""}.`;
    };
    const first = choice("Trial", trials, Number(place.dataset.first), fill);
    const second = choice("against trial", trials, Number(place.dataset.second), fill);
    place.append(first.label, second.label);
  }

  const pair = document.querySelector(".choice");
  if (pair) sideBySide(pair);

  function openTarget() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
  addEventListener("hashchange", openTarget);
  openTarget();
  document.documentElement.classList.add("has-script");
})();
