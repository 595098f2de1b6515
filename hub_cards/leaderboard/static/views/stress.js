"use strict";
/* The view of stress tests: perturbations by models, and every number of them. */
(() => {
  const { data, state, make, select } = Board;
  const title = (/** @type {Stress} */ { corpus }) =>
    data.corpora.find(({ name }) => name === corpus)?.title ?? corpus;
  const name = (/** @type {Stress} */ test) => `${title(test)}, protocol ${test.protocol}`;

  /** @returns {View} */
  function perturbed() {
    const protocol = select(
      "protocol",
      "Protocol",
      Board.pairs(Board.unique(data.stress.map((one) => one.protocol))),
    );
    const here = data.stress.filter((one) => one.protocol === state.protocol);
    const corpus = select(
      "corpus",
      "Corpus",
      here.map((one) => [one.corpus, Board.shortened(title(one))]),
    );
    const test = here.find((one) => one.corpus === state.corpus) ?? here[0];
    const places = new Map(test.perturbations.map(([perturbation], place) => [perturbation, place]));
    const descriptions = new Map(test.perturbations);
    /** @type {Column<Perturbed>[]} */
    const columns = [
      {
        key: "model",
        title: "Model",
        value: ({ model }) => Board.modelText(model),
        show: ({ model }) => Board.modelCell(model),
      },
      { key: "perturbation", title: "Perturbation", value: ({ perturbation }) => perturbation },
      {
        key: "place",
        title: "No.",
        numeric: true,
        ascending: true,
        decimals: 0,
        help: "in the order of the suite",
        value: ({ perturbation }) => places.get(perturbation) ?? null,
      },
      { key: "ua", title: "UA", numeric: true, value: ({ ua }) => ua ?? null },
      { key: "change", title: "Change", numeric: true, decimals: 1, value: ({ change }) => change ?? null },
      { key: "low", title: "Low", numeric: true, decimals: 1, value: ({ low }) => low ?? null },
      { key: "high", title: "High", numeric: true, decimals: 1, value: ({ high }) => high ?? null },
      { key: "note", title: "On the interval", value: ({ note }) => note ?? "" },
      {
        key: "unchanged",
        title: "Unchanged",
        numeric: true,
        decimals: 1,
        help: "share of predictions that are those on the audio as it is",
        value: ({ unchanged }) => unchanged ?? null,
      },
      {
        key: "what",
        title: "What was done",
        value: ({ perturbation }) => descriptions.get(perturbation) ?? "",
      },
      { key: "reason", title: "Not run because", value: ({ reason }) => reason ?? "" },
    ];
    return {
      heading: "Perturbed audio",
      protocol: `${name(test)}: the same heads on changed audio of the same test utterances.`,
      filters: [protocol, corpus],
      status: [
        "Change is that of UA, with a 95 % interval of pairs by speaker.",
        "Where noise may change what people hear, unchanged predictions are the safe number.",
      ].join(" "),
      before: matrixOf(test),
      table: {
        caption: `${name(test)}, perturbed, percent`,
        columns,
        rows: test.rows,
        sort: "place -ua",
        file: `emobox-stress-${test.corpus}-${test.protocol}`,
      },
    };
  }

  /** @type {(test: Stress) => HTMLElement} */
  function matrixOf(test) {
    const models = [...new Set(test.rows.map(({ model }) => model))];
    const head = make(
      "tr",
      {},
      make("th", { scope: "col" }, "perturbation ↓, model →"),
      ...models.map((model) => make("th", { scope: "col" }, Board.shortened(Board.modelText(model)))),
    );
    const rows = test.perturbations.map(([perturbation, description]) =>
      make(
        "tr",
        {},
        make("th", { scope: "row", title: description }, perturbation),
        ...models.map((model) => {
          const row = test.rows.find((one) => one.model === model && one.perturbation === perturbation);
          if (row?.ua === undefined) return make("td", { class: "none", title: row?.reason ?? false }, "–");
          const cell = make("td", {}, row.ua.toFixed(1));
          Board.shade(cell, row.ua);
          return cell;
        }),
      ),
    );
    const region = make(
      "div",
      { class: "region", role: "region", tabindex: "0", "aria-label": "Perturbations, scrollable" },
      make(
        "table",
        { class: "matrix", id: "matrix" },
        make("caption", {}, make("span", {}, `UA in percent on perturbed ${Board.shortened(name(test))}`)),
        make("thead", {}, head),
        make("tbody", {}, ...rows),
      ),
    );
    return make("div", {}, region, Board.colourKey());
  }

  if (data.stress.length) Board.views.stress = ["Perturbed", perturbed];
})();
