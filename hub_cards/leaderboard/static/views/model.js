"use strict";
/* The view of one model: its profile over corpora, and UA by layer. */
(() => {
  const { data, state, make, select, metrics, tables, value, remark } = Board;
  const { models, corpora } = data;
  /** @typedef {{ corpus: number, row: number, best: number | null }} Profiled */

  /* Models that have results under the protocol, measured ones first; and the one that the link names, which may not. */
  /** @type {(table: Map<number, Where>) => [string, string][]} */
  function offered(table) {
    const having = [...table.keys()].sort(
      (one, other) => Number(models[one].published) - Number(models[other].published),
    );
    const named = models.findIndex(({ key }) => key === state.model);
    const listed = named < 0 || table.has(named) ? having : [...having, named];
    return listed.map((model) => [models[model].key, Board.shortened(Board.modelText(model))]);
  }

  /* With the protocol, which the link of this view may not name. */
  /** @type {(corpus: number) => string} */
  const corpusLink = (corpus) =>
    Board.link({
      view: "corpus",
      corpus: corpora[corpus].name,
      protocol: state.protocol,
      ...Board.anew,
    });

  /** @type {(model: number, rows: Profiled[]) => Column<Profiled>[]} */
  function columnsOf(model, rows) {
    const name = state.metric;
    const scale = Board.scale(
      rows.flatMap(({ row, best }) => [
        best,
        Board.scoreOf(model, row),
        value(row, `${name}_low`),
        value(row, `${name}_high`),
      ]),
    );
    return [
      {
        key: "corpus",
        title: "Corpus",
        value: ({ corpus }) => corpora[corpus].title,
        show: ({ corpus }) => make("a", { href: corpusLink(corpus) }, Board.shortened(corpora[corpus].title)),
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
        help: "of all tested utterances together; ° is a mean over folds, as published",
        value: ({ row }) => Board.scoreOf(model, row),
        show: ({ row }) => Board.scoreCell(model, row),
      },
      {
        key: "picture",
        title: `Profile (${scale.from} to ${scale.to})`,
        help: "the upright mark is the best model of this table",
        orderable: false,
        csv: [],
        value: () => "",
        show: ({ row, best }) => {
          const point = Board.scoreOf(model, row);
          if (point === null || point === undefined) return make("span", {}, "");
          const [low, high] = [value(row, `${name}_low`), value(row, `${name}_high`)];
          return Board.interval({ low, high, point, best, ...scale });
        },
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
        help: "models of one rank cannot be told apart at 5 %, corrected for all comparisons on that corpus (Holm)",
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
      {
        key: "note",
        title: "On the interval",
        optional: true,
        value: ({ row }) => value(row, "interval_note") || "",
      },
      { key: "remark", title: "Remark", optional: true, value: ({ row }) => remark(row) },
      {
        key: "seen",
        title: "Seen in training",
        optional: true,
        value: ({ row }) => Board.seenWords(Board.seenOf(row)),
      },
      { key: "protocol", title: "Protocol", value: () => state.protocol },
    ];
  }

  /** @returns {View} */
  function oneModel() {
    const unknown = Board.unknownNames(["model"]);
    if (unknown.length) return Board.noSuchModel(unknown);
    const protocol = Board.protocolFor(["model"]);
    const table = tables.get(Board.position()) ?? new Map();
    const filters = [
      select("model", "Model", offered(table)),
      protocol,
      Board.metricFilter(),
      Board.unseenFilter(),
    ];
    const model = models.findIndex(({ key }) => key === state.model);
    const where = Board.shownRows(table.get(model) ?? new Map());
    // Like with like: a published model is a mean over folds, and so are those beside it.
    const column = Board.column(model);
    const rows = [...where].map(([corpus, row]) => {
      const others = [...table.values()]
        .map((rowsOf) => Board.shownRows(rowsOf).get(corpus))
        .filter((other) => other !== undefined && !remark(other))
        .map((other) => value(other, column))
        .filter((score) => score !== null);
      return { corpus, row, best: others.length ? Math.max(...others) : null };
    });
    return {
      heading: models[model] ? Board.shortened(Board.modelText(model)) : "No model",
      protocol: Board.protocolWords(),
      filters,
      status: [
        ...(rows.length || !models[model]
          ? []
          : [`No result within corpora by the protocol ${state.protocol}.`]),
        factsOf(models[model]),
      ].join(" "),
      links: [
        ...(models[model]?.url ? [Board.outward(models[model].url ?? "", "The model on the Hub")] : []),
        ...(models[model]
          ? [
              make(
                "a",
                {
                  href: Board.link({
                    view: "compare",
                    a: state.model,
                    protocol: state.protocol,
                    ...Board.anew,
                  }),
                },
                "Compare it",
              ),
            ]
          : []),
        ...otherProtocols(model),
      ],
      after: layerCurves(rows),
      table: {
        caption: `Profile over corpora, ${metrics[state.metric]} in percent, protocol ${state.protocol}`,
        columns: columnsOf(model, rows),
        rows,
        sort: "-score",
        file: `emobox-model-${state.protocol}`,
      },
    };
  }

  /* Links to the same model by the other protocols that it has. */
  /** @type {(model: number) => HTMLElement[]} */
  const otherProtocols = (model) =>
    data.protocols
      .filter(({ id }, position) => id !== state.protocol && tables.get(position)?.has(model))
      .map(({ id }) => make("a", { href: Board.link({ protocol: id, ...Board.anew }) }, `By protocol ${id}`));

  /** @param {Facts | undefined} model */
  function factsOf(model) {
    if (!model) return "";
    if (model.published)
      return `${model.paper_name} (${model.name}), about ${model.parameters / 1e6} million parameters, as published in the EmoBox paper; no intervals.`;
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
      const { name, title } = corpora[corpus];
      const open = state.corpus ? name === state.corpus : place === 0;
      const one = make("details", { open }, make("summary", {}, Board.shortened(title)));
      // Of 32 corpora nobody looks at all: each is drawn when it is opened.
      if (open) one.append(...layerCurve(title, row));
      else one.addEventListener("toggle", () => one.append(...layerCurve(title, row)), { once: true });
      section.append(one);
    });
    return section;
  }

  /* UA by layer on one corpus, as a picture and as a table. */
  /** @type {(title: string, row: number) => (SVGElement | HTMLElement)[]} */
  function layerCurve(title, row) {
    /** @type {Layer[]} */
    const layers = value(row, "layers").map((/** @type {string} */ layer, /** @type {number} */ number) => [
      layer,
      value(row, "layers_validation")[number],
      value(row, "layers_test")[number],
    ]);
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
    return [Board.curve(layers, label, value(row, "ua_chance")), figures];
  }

  Board.views.model = ["One model", oneModel];
})();
