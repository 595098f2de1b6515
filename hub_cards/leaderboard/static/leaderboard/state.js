"use strict";
/* What is shown, as a link has it: #view=corpus&corpus=emodb&metric=wa. What is not in the link has its default. */
window.Board = (() => {
  /** @type {Data} */
  const data = JSON.parse(/** @type {HTMLElement} */ (document.getElementById("data")).textContent);
  // Columns of words come as the different ones, and which of them each row has.
  for (const [name, column] of Object.entries(/** @type {Record<string, any>} */ (data.results)))
    if (!Array.isArray(column))
      data.results[name] = column.at.map((/** @type {number} */ place) => column.of[place]);
  /** @type {State} */
  const defaults = {
    view: "corpora",
    protocol: "",
    metric: "ua",
    over: "",
    columns: "corpora",
    scope: "all",
    language: "",
    source: "",
    published: "yes",
    unseen: "no",
    corpus: "",
    model: "",
    setting: "",
    score: "ua",
    q: "",
    sort: "",
  };
  const state = { ...defaults };

  /** @type {Page["read"]} */
  function read() {
    const told = new URLSearchParams(location.hash.slice(1));
    for (const name of Object.keys(defaults)) state[name] = told.get(name) ?? defaults[name];
  }

  /** @type {Page["link"]} */
  function link(changes) {
    const wanted = { ...state, ...changes };
    const told = new URLSearchParams();
    for (const [name, value] of Object.entries(wanted))
      if (value !== undefined && value !== defaults[name]) told.set(name, value);
    return `#${told}` === "#" ? "#view=corpora" : `#${told}`;
  }

  /** @type {Page["keep"]} */
  function keep(changes) {
    Object.assign(state, changes);
    history.replaceState(null, "", link({}));
    tell();
  }

  /* A Space is a frame in a page of the Hub, which puts this into its own address, so that one can be copied there. */
  /** @type {Page["tell"]} */
  function tell() {
    if (window.parent === window || !location.hostname.endsWith(".hf.space")) return;
    window.parent.postMessage({ hash: location.hash }, "https://huggingface.co");
  }

  const metrics = { ua: "UA", wa: "WA", f1: "F1" };
  // The scripts behind this one add the rest.
  return /** @type {Page} */ ({ data, state, read, link, keep, tell, metrics });
})();
