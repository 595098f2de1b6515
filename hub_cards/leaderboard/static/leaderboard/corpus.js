"use strict";
/* The view of one corpus: models with intervals, and ranks that are shared. */
(() => {
  const { data, state, make, select, checkbox, metrics, tables, unique, value, remark } = Board;
  const { models, corpora } = data;
  /** @typedef {{ model: number, row: number | undefined }} Scored */

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
        named.map(({ name, title }) => [name, title]),
      ),
      first,
      Board.metricFilter(),
    ];
    if (Board.publishedHere()) filters.push(checkbox("published", "published rows"));
    filters.push(Board.unseenFilter());
    const corpus = corpora.findIndex(({ name }) => name === state.corpus);
    const rows = Board.shownModels()
      .filter(([, where]) => where.has(corpus))
      .map(([model, where]) => ({ model, row: where.get(corpus) }));
    const name = state.metric;
    /** @type {(suffix: string) => (row: Scored) => any} */
    const get =
      (suffix) =>
      ({ row }) =>
        value(row, `${name}${suffix}`);
    const scale = Board.scale(
      rows.flatMap(({ row }) => [value(row, name), value(row, `${name}_low`), value(row, `${name}_high`)]),
    );
    const methods = unique(rows.map(({ row }) => value(row, "method")).filter(Boolean));
    /** @type {Column<Scored>[]} */
    const columns = [
      {
        key: "model",
        title: "Model",
        value: ({ model }) => Board.modelText(model),
        show: ({ model }) => Board.modelCell(model),
      },
      {
        key: "rank",
        title: "Rank",
        numeric: true,
        ascending: true,
        decimals: 0,
        value: get("_rank"),
        help: "models of one rank cannot be told apart at 5 %, corrected for all comparisons of this table (Holm)",
      },
      {
        key: "score",
        title: `${metrics[name]} of all utterances`,
        numeric: true,
        help: "of all folds and seeds together; interval and rank are of this",
        value: get(""),
      },
      {
        key: "picture",
        title: `95 % interval (${scale.from} to ${scale.to})`,
        orderable: false,
        csv: false,
        value: () => "",
        show: ({ row }) =>
          value(row, name) === null
            ? make("span", {}, "")
            : Board.interval({
                low: value(row, `${name}_low`),
                high: value(row, `${name}_high`),
                point: value(row, name),
                ...scale,
              }),
      },
      { key: "low", title: "Low", numeric: true, value: get("_low") },
      { key: "high", title: "High", numeric: true, value: get("_high") },
      { key: "note", title: "On the interval", value: ({ row }) => value(row, "interval_note") || "" },
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
        value: ({ row, model }) =>
          models[model].published ? "" : value(row, "checked") ? "checked" : "not kept",
      },
      { key: "remark", title: "Remark", value: ({ row }) => (remark(row) ? `† ${remark(row)}` : "") },
      { key: "seen", title: "Seen in training", value: ({ row }) => Board.seenWords(Board.seenOf(row)) },
      { key: "protocol", title: "Protocol", value: () => state.protocol },
    ];
    const facts = corpora[corpus];
    return {
      heading: facts ? `${facts.title}: ${metrics[name]}` : "No corpus",
      protocol: Board.protocolWords(),
      filters,
      status: facts ? [aboutCorpus(facts, methods), withoutAudio(rows, name)].join(" ") : "",
      table: {
        caption: `Models on ${facts?.title}, percent, protocol ${state.protocol}`,
        columns,
        rows,
        sort: `-score -${name}`,
        file: `emobox-${state.corpus}-${state.protocol}`,
      },
    };
  }

  /** @type {Record<string, string>} */
  const how = {
    paired: "paired t tests of the differences",
    intervals: "t tests of two standard errors, since predictions were not kept",
    alone: "one model alone",
    "intervals and paired":
      "paired t tests of the differences where both kept predictions, else of two standard errors",
  };

  /** @type {(facts: Corpus, methods: string[]) => string} */
  function aboutCorpus(facts, methods) {
    return [
      `${facts.languages.map(Board.language).join(", ")}; ${facts.source};`,
      `${facts.utterances.toLocaleString("en")} utterances, ${facts.hours.toFixed(1)} hours;`,
      `${facts.labels.length} labels: ${facts.labels.join(", ")}.`,
      methods.length
        ? `Ranks by ${methods.map((method) => how[method]).join("; ")}; corrected for all comparisons.`
        : "No model here has a rank.",
    ].join(" ");
  }

  /* What a score has to be read beside: the same of every row of a corpus and protocol that tells it. */
  /** @type {(rows: Scored[], name: Metric) => string} */
  function withoutAudio(rows, name) {
    /** @type {(key: string) => number | undefined} */
    const known = (key) => rows.map(({ row }) => value(row, key)).find((score) => score !== null);
    const [chance, speaker] = [known("ua_chance"), known(`${name}_speaker`)];
    const rater = known(`${name}_rater`);
    return [
      chance === undefined ? "" : `Chance: UA ${chance.toFixed(1)}.`,
      speaker === undefined
        ? ""
        : `By who speaks alone, without audio: ${metrics[name]} ${speaker.toFixed(1)}.`,
      rater === undefined ? "" : `One human rater: ${metrics[name]} ${rater.toFixed(1)}.`,
    ].join(" ");
  }

  Board.views.corpus = ["One corpus", oneCorpus];
})();
