"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page").textContent);
  const { rows, words } = page;
  const $ = id => document.getElementById(id);
  const body = document.querySelector("#table tbody"), place = $("place");
  const state = { column: "rank", down: false, from: 0, rows: page.shown, shown: rows };
  const cell = (row, column) => {
    const td = document.createElement("td"), text = row[column.words] ?? "";
    if (column.kind) td.className = column.kind;
    td.dataset.label = column.label;
    if (column.key === "customer") {
      const name = document.createElement(row.card ? "a" : "span");
      if (row.card) name.href = "#c" + row.rank;
      name.textContent = text; td.append(name);
      if (row.name) { const id = document.createElement("small"); id.textContent = row.customer_id; td.append(" ", id); }
    } else if (column.key === "band_order") {
      const pill = document.createElement("span");
      pill.className = "band " + (row.band || "none"); pill.textContent = text; td.append(pill);
    } else td.textContent = text;
    return td;
  };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  function draw() {
    const to = Math.min(state.shown.length, state.from + state.rows);
    body.replaceChildren(...state.shown.slice(state.from, to).map(row => {
      const tr = document.createElement("tr");
      tr.append(...page.columns.map(column => cell(row, column)));
      return tr;
    }));
    const n = state.shown.length;
    place.textContent = n ? fill(words.place, { from: state.from + 1, to, n }) : words.nobody;
    $("back").disabled = state.from === 0; $("next").disabled = to >= n;
  }
  function choose() {
    const typed = $("search").value.toLocaleLowerCase(), band = $("band").value, owner = $("owner") ? $("owner").value : "";
    state.shown = rows.filter(row => (!band || (row.band || "none") === band) && (!owner || row.owner === owner) && (!typed || row.text.includes(typed)));
    const side = state.down ? -1 : 1, key = state.column;
    state.shown.sort((a, b) => {
      const x = a[key], y = b[key];
      if (x === y) return a.rank - b.rank;
      if (x === null || x === "") return 1;  // unknown values come last in both directions
      if (y === null || y === "") return -1;
      return side * (typeof x === "number" ? x - y : String(x).localeCompare(String(y), document.documentElement.lang));
    });
    state.from = 0; draw();
  }
  document.querySelectorAll("#table th button").forEach(button => button.addEventListener("click", () => {
    state.down = state.column === button.dataset.column ? !state.down : false; state.column = button.dataset.column;
    document.querySelectorAll("#table th").forEach(th => th.setAttribute("aria-sort", "none"));
    button.closest("th").setAttribute("aria-sort", state.down ? "descending" : "ascending"); choose();
  }));
  for (const id of ["search", "band", "owner"]) if ($(id)) $(id).addEventListener("input", choose);
  $("back").addEventListener("click", () => { state.from = Math.max(0, state.from - state.rows); draw(); });
  $("next").addEventListener("click", () => { state.from += state.rows; draw(); });
  const open = () => { const card = location.hash.startsWith("#c") && $(location.hash.slice(1)); if (card && card.matches("details")) { card.open = true; card.scrollIntoView(); } };
  addEventListener("hashchange", open);
  // On paper there are all rows, and the cards of those to call.
  let before = 0;
  addEventListener("beforeprint", () => {
    document.querySelectorAll(".card.call").forEach(card => { card.open = true; });
    before = state.from; state.from = 0; state.rows = page.printed; draw();
  });
  addEventListener("afterprint", () => { state.from = before; state.rows = page.shown; draw(); });
  // Decisions stay in the browser until they are saved as a file.
  const key = "churn-agent " + page.run, cards = [...document.querySelectorAll(".card")];
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(key)) || {}; } catch { /* the browser stores nothing */ }
  for (const card of cards) {
    const entry = kept[card.dataset.customer];
    const radios = card.querySelectorAll("input[type=radio]"), decision = card.querySelector(".decision"), note = card.querySelector(".note"), wrong = [...card.querySelectorAll(".wrong")];
    if (entry) {
      radios.forEach(radio => { radio.checked = radio.value === entry.verdict; });
      decision.value = entry.decision || ""; note.value = entry.note || "";
      wrong.forEach(box => { box.checked = (entry.corrections || []).some(one => one.signal === box.dataset.signal && one.interaction_id === box.dataset.message); });
    }
    card.addEventListener("change", () => {
      const chosen = [...radios].find(radio => radio.checked);
      kept[card.dataset.customer] = { verdict: chosen ? chosen.value : null, decision: decision.value || null, note: note.value || null, corrections: wrong.filter(box => box.checked).map(box => ({ signal: box.dataset.signal, interaction_id: box.dataset.message, shown: false })) };
      try { localStorage.setItem(key, JSON.stringify(kept)); } catch { /* as above */ }
    });
  }
  $("export").addEventListener("click", () => {
    const lines = Object.entries(kept).map(([customer_id, entry]) => JSON.stringify({ run_id: page.run, customer_id, as_of: page.as_of, ...entry }) + "\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" })); link.download = "feedback-" + page.as_of + ".jsonl"; link.click();
  });
  draw(); open();
})();
