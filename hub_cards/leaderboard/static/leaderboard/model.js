"use strict";
/* The view of one model: its profile over corpora, and UA by layer. */
(() => {
  const { data, state, make, select, metrics, tables, value, remark } = Board;
  const { models, corpora } = data;
  /** @typedef {{ corpus: number, row: number, best: number | null }} Profiled */

  /** @returns {View} */
  function oneModel() {
    const filters = [
      select(
        "model",
        "Model",
        models.map((model) => [model.key, Board.shortened(model.key)]),
      ),
      Board.protocolFilter(),
      Board.metricFilter(),
      Board.unseenFilter(),
    ];
    const model = models.findIndex(({ key }) => key === state.model);
    const table = tables.get(Board.position()) ?? new Map();
    const where = Board.shownRows(table.get(model) ?? new Map());
    const name = state.metric;
    const rows = [...where].map(([corpus, row]) => {
      const others = [...table.values()]
        .map((other) => Board.shownRows(other).get(corpus))
        .filter((other) => !remark(other))
        .map((other) => value(other, name))
        .filter((score) => score !== null);
      return { corpus, row, best: others.length ? Math.max(...others) : null };
    });
    const scale = Board.scale(
      rows.flatMap(({ row, best }) => [
        best,
        value(row, name),
        value(row, `${name}_low`),
        value(row, `${name}_high`),
      ]),
    );
    /** @type {Column<Profiled>[]} */
    const columns = [
      {
        key: "corpus",
        title: "Corpus",
        value: ({ corpus }) => corpora[corpus].title,
        show: ({ corpus }) =>
          make(
            "a",
            { href: Board.link({ view: "corpus", corpus: corpora[corpus].name, sort: "", q: "" }) },
            Board.shortened(corpora[corpus].title),
          ),
      },
      {
        key: "languages",
        title: "Languages",
        value: ({ corpus }) => corpora[corpus].languages.map(Board.language).join(", "),
      },
      { key: "source", title: "Source", value: ({ corpus }) => corpora[corpus].source },
      {
        key: "score",
        title: metrics[name],
        numeric: true,
        help: "of all tested utterances together",
        value: ({ row }) => value(row, name),
        show: ({ row }) =>
          make("span", {}, Board.number(value(row, name)) + Board.marks(Board.markable(row))),
      },
      {
        key: "picture",
        title: `Profile (${scale.from} to ${scale.to})`,
        help: "the upright mark is the best model of this table",
        orderable: false,
        csv: false,
        value: () => "",
        show: ({ row, best }) =>
          value(row, name) === null
            ? make("span", {}, "")
            : Board.interval({
                low: value(row, `${name}_low`),
                high: value(row, `${name}_high`),
                point: value(row, name),
                best,
                ...scale,
              }),
      },
      { key: "low", title: "Low", numeric: true, value: ({ row }) => value(row, `${name}_low`) },
      {
        key: "high",
        title: "High",
        numeric: true,
        value: ({ row }) => value(row, `${name}_high`),
      },
      {
        key: "rank",
        title: "Rank",
        numeric: true,
        ascending: true,
        decimals: 0,
        value: ({ row }) => value(row, `${name}_rank`),
      },
      { key: "best", title: "Best here", numeric: true, value: ({ best }) => best },
      {
        key: "mean",
        title: `${metrics[name]}, mean over folds`,
        numeric: true,
        help: "and seeds, as the paper publishes it",
        value: ({ row }) => value(row, `${name}_mean`),
      },
      { key: "note", title: "On the interval", value: ({ row }) => value(row, "interval_note") || "" },
      { key: "remark", title: "Remark", value: ({ row }) => remark(row) },
      { key: "seen", title: "Seen in training", value: ({ row }) => Board.seenWords(Board.seenOf(row)) },
      { key: "protocol", title: "Protocol", value: () => state.protocol },
    ];
    const after = layerCurves(rows);
    return {
      heading: models[model] ? Board.shortened(Board.modelText(model)) : "No model",
      protocol: Board.protocolWords(),
      filters,
      status: factsOf(models[model]),
      after,
      table: {
        caption: `Profile over corpora, ${metrics[name]} in percent, protocol ${state.protocol}`,
        columns,
        rows,
        sort: "-score -mean",
        file: "emobox-model",
      },
    };
  }

  /** @param {Facts | undefined} model */
  function factsOf(model) {
    if (!model) return "";
    if (model.published)
      return `${model.paper_name} (${model.name}), as published in the EmoBox paper; no intervals.`;
    const version = model.revision ? `revision ${model.revision.slice(0, 12)}` : "no revision";
    const parts = [
      `${Board.shortened(model.architecture)}, ${(model.parameters / 1e6).toFixed(1)} million parameters`,
      `${model.dimension} dimensions at ${model.frame_rate} frames a second`,
      `${Board.shortened(model.layer)}, ${model.dtype}; ${Board.shortened(version)}`,
      ...(model.weights ? [`weights ${model.weights.slice(0, 12)}`] : []),
    ];
    return `${parts.join(", ")}.`;
  }

  /* The curve of every corpus whose layers were kept; the link names the one that is open. */
  /** @type {(rows: Profiled[]) => HTMLElement} */
  function layerCurves(rows) {
    const kept = rows.filter(({ row }) => value(row, "layers"));
    if (!kept.length)
      return make(
        "p",
        { class: "quiet" },
        "No layer curve: no result of this model and protocol kept scores of single layers.",
      );
    const section = make(
      "section",
      { "aria-labelledby": "layers" },
      make("h3", { id: "layers" }, "UA by layer"),
      make(
        "p",
        { class: "key" },
        make("span", { class: "test" }, "● test"),
        " ",
        make("span", { class: "validation" }, "■ validation (what layers are chosen by)"),
      ),
    );
    kept.forEach(({ corpus, row }, place) => {
      /** @type {Layer[]} */
      const layers = value(row, "layers").map((/** @type {string} */ layer, /** @type {number} */ number) => [
        layer,
        value(row, "layers_validation")[number],
        value(row, "layers_test")[number],
      ]);
      const { name, title } = corpora[corpus];
      const best = layers.reduce((most, layer) => (layer[1] > most[1] ? layer : most));
      const scores = `${best[1].toFixed(1)}, ${best[2].toFixed(1)} on test`;
      const label = `UA by layer on ${title}: best on validation is layer ${best[0]} with ${scores}`;
      const lines = layers.map((layer) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, layer[0]),
          make("td", {}, layer[1].toFixed(1)),
          make("td", {}, layer[2].toFixed(1)),
        ),
      );
      const figures = make(
        "details",
        {},
        make("summary", {}, "As a table"),
        make(
          "table",
          { class: "small" },
          make("caption", {}, `UA by layer on ${title}, percent`),
          make(
            "thead",
            {},
            make(
              "tr",
              {},
              ...["Layer", "Validation", "Test"].map((word) => make("th", { scope: "col" }, word)),
            ),
          ),
          make("tbody", {}, ...lines),
        ),
      );
      section.append(
        make(
          "details",
          { open: state.corpus ? name === state.corpus : place === 0 },
          make("summary", {}, Board.shortened(title)),
          Board.curve(layers, label),
          figures,
        ),
      );
    });
    return section;
  }

  Board.views.model = ["One model", oneModel];
})();
