"use strict";
/* What is shown, as a link has it: #view=corpus&corpus=emodb&metric=wa. What is not in the link has its default. */
window.Board = (() => {
  /** @type {(id: string) => any} */
  const embedded = (id) => JSON.parse(/** @type {HTMLElement} */ (document.getElementById(id)).textContent);
  /* Columns of words come as the different ones, and which of them each row has. */
  /** @type {(columns: Record<string, any>) => Record<string, any[]>} */
  function unpacked(columns) {
    for (const [name, column] of Object.entries(columns))
      if (!Array.isArray(column))
        columns[name] = column.at.map((/** @type {number} */ place) => column.of[place]);
    return columns;
  }
  /** @type {Data} */
  const data = embedded("data");
  unpacked(data.results);
  /* The scores of layers, WA and F1 are most of the page: they wait until something asks for them. */
  const later = new Set(data.later);
  /** @type {Page["readLater"]} */
  function readLater() {
    if (later.size) Object.assign(data.results, unpacked(embedded("later")));
    later.clear();
  }
  /** @type {Page["columnOf"]} */
  function columnOf(name) {
    if (later.has(name)) readLater();
    return data.results[name];
  }

  /** @type {State} */
  const defaults = {
    view: "corpora",
    protocol: "",
    metric: "ua",
    over: "",
    columns: "corpora",
    scope: "",
    language: "",
    source: "",
    hours: "",
    disjoint: "no",
    size: "",
    published: "yes",
    unseen: "no",
    lines: "yes",
    corpus: "",
    model: "",
    a: "",
    b: "",
    c: "",
    x: "parameters",
    hardware: "",
    with: "",
    setting: "",
    score: "ua",
    q: "",
    sort: "",
    page: "1",
    rows: "50",
  };
  /* What the link says; what is shown in place of what it does not say, or says wrongly, is no part of it. */
  /** @type {Record<string, string>} */
  let asked = {};
  const state = { ...defaults };

  /** @type {(told: Record<string, string>) => void} */
  function ask(told) {
    asked = told;
    Object.assign(state, defaults, asked);
  }

  /** @type {Page["read"]} */
  function read() {
    const told = new URLSearchParams(location.hash.slice(1));
    ask(
      Object.fromEntries(
        Object.keys(defaults).flatMap((name) => (told.has(name) ? [[name, told.get(name) ?? ""]] : [])),
      ),
    );
  }

  /** @type {(changes: Partial<State>) => Record<string, string>} */
  const changed = (changes) =>
    Object.fromEntries(
      Object.entries(/** @type {Record<string, string>} */ ({ ...asked, ...changes })).filter(
        ([name, value]) => value !== undefined && value !== defaults[name],
      ),
    );

  /** @type {Page["link"]} */
  const link = (changes) => `#${new URLSearchParams(changed(changes))}`.replace(/^#$/, "#view=corpora");

  /** @type {Page["keep"]} */
  function keep(changes, step = false) {
    const to = link(changes);
    ask(changed(changes));
    if (step) history.pushState(null, "", to);
    else history.replaceState(null, "", to);
    tell();
  }

  /* A Space is a frame in a page of the Hub, which puts this into its own address, so that one can be copied there. */
  /** @type {Page["tell"]} */
  function tell() {
    if (window.parent === window || !location.hostname.endsWith(".hf.space")) return;
    window.parent.postMessage({ hash: location.hash }, "https://huggingface.co");
  }

  const metrics = { ua: "UA", wa: "WA", f1: "F1" };
  /** @type {Page["asks"]} */
  const asks = (name) => Object.hasOwn(asked, name);
  // The scripts behind this one add the rest.
  return /** @type {Page} */ ({ data, state, read, link, keep, tell, asks, metrics, readLater, columnOf });
})();
