"use strict";
/* The view of one corpus: models with intervals, and ranks that are shared. */
(() => {
  const { data, state, make, select, checkbox, metrics, tables, unique, value, remark } = Board;
  const { models, corpora } = data;
  /**
   * A model's row, or a line beside which scores are read.
   * @typedef {{
   *   model: number, corpus: number, row: number | undefined, line?: { text: string, score: Score, help: string }
   * }} Scored
   */

  /** @type {(scored: Scored) => Score} */
  const scoreOf = ({ model, row, line }) => (line ? line.score : Board.scoreOf(model, row));

  /* What a score has to be read beside, as rows in their places: the same of every record that tells it. */
  /** @type {(rows: Scored[]) => Scored[]} */
  function linesOf(rows) {
    /** @type {(key: string) => Score} */
    const known = (key) => rows.map(({ row }) => value(row, key)).find((score) => score !== null);
    /** @type {[string, Score, string][]} */
    const lines = [
      [
        "Chance",
        state.metric === "ua" ? Board.chanceOn(rows[0].corpus) : null,
        "the UA of who guesses among the labels that are tested",
      ],
      [
        "Who speaks, without audio",
        known(`${state.metric}_speaker`),
        "the commonest training label of each speaker",
      ],
      ["One human rater", known(`${state.metric}_rater`), "on the same utterances"],
    ];
    return lines
      .filter(([, score]) => score !== null && score !== undefined)
      .map(([text, score, help]) => ({ ...rows[0], model: -1, row: undefined, line: { text, score, help } }));
  }

  /** @type {(scored: Scored) => HTMLElement} */
  function nameCell({ model, line }) {
    if (!line) return Board.modelCell(model);
    return make("span", { class: "line", title: line.help }, line.text);
  }

  /** @type {(rows: Scored[]) => Column<Scored>[]} */
  function scoreColumns(rows) {
    const name = state.metric;
    /** @type {(suffix: string) => (row: Scored) => any} */
    const get =
      (suffix) =>
      ({ row }) =>
        value(row, `${name}${suffix}`);
    // Chance and people are beside the scale where they are far from all models.
    const ofModels = rows.filter(({ line }) => !line);
    const ranks = rows.length ? Board.ranksOver([rows[0].corpus]) : new Map();
    const scale = Board.scale(ofModels.flatMap((one) => [scoreOf(one), get("_low")(one), get("_high")(one)]));
    return [
      {
        key: "model",
        title: "Model",
        value: ({ model, line }) => line?.text ?? Board.modelText(model),
        show: nameCell,
      },
      {
        key: "score",
        title: metrics[name],
        numeric: true,
        help: "of all folds and seeds together; interval and rank are of this. ° is a mean over folds, as published",
        value: scoreOf,
        show: ({ model, row, line }) =>
          line ? make("span", {}, Board.number(line.score)) : Board.scoreCell(model, row),
      },
      {
        key: "rank",
        title: "Rank",
        numeric: true,
        ascending: true,
        decimals: 0,
        value: ({ model, line }) => (line ? null : (ranks.get(model) ?? null)),
        help: "models of one rank cannot be told apart at 5 %, corrected for all comparisons of this table (Holm)",
      },
      {
        key: "picture",
        title: `95 % interval (${scale.from} to ${scale.to})`,
        orderable: false,
        csv: [],
        value: () => "",
        show: (one) => {
          const point = scoreOf(one);
          const drawn = typeof point === "number" && point >= scale.from && point <= scale.to;
          if (!drawn) return make("span", {}, "");
          return Board.interval({ low: get("_low")(one), high: get("_high")(one), point, ...scale });
        },
      },
      { key: "low", title: "Low", numeric: true, value: get("_low") },
      { key: "high", title: "High", numeric: true, value: get("_high") },
    ];
  }

  /** @returns {Column<Scored>[]} */
  function otherColumns() {
    return [
      {
        key: "note",
        title: "On the interval",
        optional: true,
        value: ({ row }) => value(row, "interval_note") || "",
      },
      ...Object.entries(metrics).map(
        ([metric, title]) =>
          /** @type {Column<Scored>} */ ({
            key: `${metric}_mean`,
            title: `${title}, mean over folds`,
            numeric: true,
            help: "and seeds, as the paper publishes it",
            value: ({ row }) => value(row, `${metric}_mean`),
          }),
      ),
      { key: "folds", title: "Folds", numeric: true, decimals: 0, value: ({ row }) => value(row, "folds") },
      { key: "seeds", title: "Seeds", numeric: true, decimals: 0, value: ({ row }) => value(row, "seeds") },
      { key: "resampled", title: "Resampled", value: ({ row }) => value(row, "resampled") },
      {
        key: "checked",
        title: "Predictions",
        help: "kept, and the scores follow from them",
        value: ({ row, model, line }) =>
          line || models[model].published ? "" : value(row, "checked") ? "checked" : "not kept",
      },
      {
        key: "remark",
        title: "Remark",
        optional: true,
        value: ({ row }) => (remark(row) ? `† ${remark(row)}` : ""),
      },
      {
        key: "seen",
        title: "Seen in training",
        optional: true,
        value: ({ row }) => Board.seenWords(Board.seenOf(row)),
      },
      ...Board.recordColumn(({ row }) => value(row, "record")),
      { key: "protocol", title: "Protocol", value: () => state.protocol },
    ];
  }

  /** @returns {Column<Scored>[]} */
  function toChoose() {
    /** @type {(key: string, title: string, help: string, decimals?: number) => Column<Scored>} */
    const of = (key, title, help, decimals = 1) => ({
      key,
      title,
      help,
      numeric: true,
      decimals,
      value: ({ row }) => value(row, key),
    });
    return [
      ...Board.modelColumns(({ model }) => model),
      of("ece", "ECE", "expected calibration error of the probabilities, percent; the smaller the better", 1),
      of("nll", "NLL", "negative log likelihood of the probabilities, nats; the smaller the better", 2),
      of("aurc", "AURC", "area under the curve of risk over coverage, percent; the smaller the better", 1),
      {
        ...of("gap", "Gap in UA", "between genders, first minus second"),
        show: ({ row }) =>
          make("span", { title: value(row, "gap_of") || false }, Board.signed(value(row, "gap"))),
      },
      Board.boundsColumn(
        "gap_interval",
        "Its 95 % interval",
        ({ row }) => [value(row, "gap_low"), value(row, "gap_high")],
        "of the gap",
        true,
      ),
      of(
        "gap_by_chance",
        "Gap by chance",
        "what the largest gap stays below in 95 of 100 models alike otherwise",
      ),
    ];
  }

  /** @returns {View} */
  function oneCorpus() {
    const first = Board.protocolFilter();
    const table = tables.get(Board.position()) ?? new Map();
    const present = new Set([...table.values()].flatMap((where) => [...where.keys()]));
    const named = corpora.filter((_, number) => present.has(number));
    const filters = [
      select(
        "corpus",
        "Corpus",
        named.map(({ name, title }) => [name, Board.shortened(title)]),
      ),
      first,
      Board.metricFilter(),
      Board.sizeFilter(),
    ];
    if (Board.publishedHere()) filters.push(checkbox("published", "published rows"));
    filters.push(Board.unseenFilter(), checkbox("lines", "chance and people as rows"));
    const corpus = corpora.findIndex(({ name }) => name === state.corpus);
    const scored = Board.shownModels()
      .filter(([, where]) => where.has(corpus))
      .map(([model, where]) => ({ model, corpus, row: where.get(corpus) }));
    const rows = [...scored, ...(scored.length && state.lines === "yes" ? linesOf(scored) : [])];
    const methods = unique(rows.map(({ row }) => value(row, "method")).filter(Boolean));
    const facts = corpora[corpus];
    const more = toChoose();
    return {
      heading: facts ? `${Board.shortened(facts.title)}: ${metrics[state.metric]}` : "No corpus",
      protocol: Board.protocolWords(),
      filters: [...filters, Board.chooser(more)],
      status: facts ? aboutCorpus(facts, methods, corpus) : "",
      links: facts ? linksOf(facts, corpus) : [],
      table: {
        caption: `Models on ${Board.shortened(facts?.title ?? "")}, percent, protocol ${state.protocol}`,
        columns: [...scoreColumns(rows), ...Board.chosenColumns(more), ...otherColumns()],
        rows,
        sort: "-score",
        file: `emobox-${state.corpus}-${state.protocol}`,
      },
    };
  }

  /** @type {(facts: Corpus, corpus: number) => HTMLElement[]} */
  function linksOf(facts, corpus) {
    const others = data.classified.filter((one) => one.corpus === corpus).length;
    return [
      ...(facts.url ? [Board.outward(facts.url, `Homepage of ${facts.title}`)] : []),
      ...(others
        ? [
            make(
              "a",
              { href: Board.link({ view: "classified", ...Board.anew, q: facts.title }) },
              "Classifiers as they are, such as zero-shot, on this corpus",
            ),
          ]
        : []),
    ];
  }

  /** @type {Record<string, string>} */
  const how = {
    paired: "paired t tests of the differences",
    intervals: "t tests of two standard errors, since predictions were not kept",
    alone: "one model alone",
    "intervals and paired":
      "paired t tests of the differences where both kept predictions, else of two standard errors",
  };

  /** @type {(facts: Corpus, methods: string[], corpus: number) => string} */
  function aboutCorpus(facts, methods, corpus) {
    return [
      `${facts.languages.map(Board.language).join(", ")}; ${facts.source};`,
      `${facts.utterances.toLocaleString("en")} utterances, ${facts.hours.toFixed(1)} hours;`,
      `${facts.labels.length} labels: ${facts.labels.join(", ")}; licence: ${facts.licence}.`,
      methods.length
        ? `Ranks by ${methods.map((method) => how[method]).join("; ")}; corrected for all comparisons.`
        : "No model here has a rank.",
      methods.length ? Board.rankWords([corpus]) : "",
    ].join(" ");
  }

  Board.views.corpus = ["One corpus", oneCorpus];
})();
