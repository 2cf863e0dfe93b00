"use strict";
// Draws charts when they come into view, and sorts the table of trials. Nothing is fetched: plotly lies packed in the page.
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

  function openTarget() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
  addEventListener("hashchange", openTarget);
  openTarget();
  document.documentElement.classList.add("has-script");
})();
