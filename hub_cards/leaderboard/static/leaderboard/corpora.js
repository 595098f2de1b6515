"use strict";
/* The view of all corpora: models by corpora, or by groups of corpora. */
(() => {
  const { data, state, make, select, checkbox, metrics, pairs, unique, value, remark } = Board;
  const { models, corpora } = data;
  // A corpus of several languages is in the mean of none of them.
  /** @type {(corpus: Corpus) => string} */
  const languageOf = ({ languages }) =>
    languages.length > 1 ? "several languages" : Board.language(languages[0]);

  /* Corpora that the filters leave; synthetic ones only when asked for, or where there are no others. */
  /** @param {[number, Where][]} rows */
  function chosenCorpora(rows) {
    const present = new Set(rows.flatMap(([, where]) => [...where.keys()]));
    let chosen = corpora.map((_, corpus) => corpus).filter((corpus) => present.has(corpus));
    if (state.language)
      chosen = chosen.filter((corpus) => corpora[corpus].languages.includes(state.language));
    if (state.source) chosen = chosen.filter((corpus) => corpora[corpus].source === state.source);
    const benchmark = chosen.filter((corpus) => corpora[corpus].benchmark);
    if (!state.source && benchmark.length) chosen = benchmark;
    if (state.scope === "shared") {
      const having = rows.filter(([, where]) => chosen.some((corpus) => where.has(corpus)));
      chosen = chosen.filter((corpus) => having.every(([, where]) => where.has(corpus)));
    }
    return chosen;
  }

  /** @type {(where: Where, some: number[]) => number | null} */
  function meanOf(where, some) {
    let sum = 0;
    for (const corpus of some) {
      const row = where.get(corpus);
      if (row === undefined || remark(row)) return null;
      const score = value(row, Board.column());
      if (score === null) return null;
      sum += score;
    }
    return some.length ? sum / some.length : null;
  }

  /** @type {(corpus: number) => (row: [number, Where]) => HTMLElement} */
  function scoreCell(corpus) {
    return ([, where]) => {
      const row = where.get(corpus);
      const marked = Board.markable(row);
      const said = Board.number(value(row, Board.column())) + Board.marks(marked);
      return make("span", { title: Board.markWords(marked) || false }, said);
    };
  }

  /** @type {(chosen: number[]) => Column<[number, Where]>[]} */
  function groups(chosen) {
    if (state.columns === "corpora") {
      return chosen.map((corpus) => ({
        key: corpora[corpus].name,
        title: corpora[corpus].title,
        name: corpora[corpus].name,
        numeric: true,
        help: `${corpora[corpus].languages.map(Board.language).join(", ")}; ${corpora[corpus].source}`,
        value: ([, where]) => value(where.get(corpus), Board.column()),
        show: scoreCell(corpus),
      }));
    }
    /** @type {(corpus: Corpus) => string} */
    const label = state.columns === "languages" ? languageOf : (corpus) => corpus.source;
    return unique(chosen.map((corpus) => label(corpora[corpus]))).map((title) => {
      const members = chosen.filter((corpus) => label(corpora[corpus]) === title);
      return {
        key: title,
        title: `${title} (${members.length})`,
        numeric: true,
        help: members.map((corpus) => corpora[corpus].title).join(", "),
        value: ([, where]) => meanOf(where, members),
      };
    });
  }

  /** @returns {View} */
  function allCorpora() {
    const filters = [
      Board.protocolFilter(),
      Board.metricFilter(),
      Board.overFilter(),
      select("columns", "Columns", [
        ["corpora", "corpora"],
        ["languages", "means by language"],
        ["sources", "means by source"],
      ]),
      select("language", "Language", [
        ["", "all"],
        ...pairs(unique(corpora.flatMap(({ languages }) => languages)), Board.language),
      ]),
      select("source", "Source", [["", "all"], ...pairs(unique(corpora.map(({ source }) => source)))]),
      select("scope", "Corpora", [
        ["all", "all"],
        ["shared", "those that every model shown has"],
      ]),
    ];
    const folds = state.over === "folds";
    if (Board.publishedHere() && folds) filters.push(checkbox("published", "published rows"));
    filters.push(Board.unseenFilter());
    const shown = Board.shownModels().filter(([model]) => folds || !models[model].published);
    const chosen = chosenCorpora(shown);
    const rows = shown.filter(([, where]) => chosen.some((corpus) => where.has(corpus)));
    const left = shown.length - rows.length;
    const name = metrics[state.metric];
    /** @type {Column<[number, Where]>[]} */
    const columns = [
      {
        key: "model",
        title: "Model",
        value: ([model]) => Board.modelText(model),
        show: ([model]) => Board.modelCell(model),
      },
      {
        key: "mean",
        title: `Mean ${name}`,
        numeric: true,
        help: `over the ${chosen.length} corpora chosen, where a model has them all`,
        value: ([, where]) => meanOf(where, chosen),
      },
      {
        key: "has",
        title: "Corpora",
        numeric: true,
        decimals: 0,
        help: "of those chosen, how many a model has",
        value: ([, where]) => chosen.filter((corpus) => where.has(corpus)).length,
        show: ([, where]) =>
          make("span", {}, `${chosen.filter((corpus) => where.has(corpus)).length} of ${chosen.length}`),
      },
      ...groups(chosen),
      { key: "protocol", title: "Protocol", value: () => state.protocol },
    ];
    return {
      heading: `${name} within corpora`,
      protocol: Board.protocolWords(),
      filters,
      status: [
        `Models: ${rows.length}. Corpora: ${chosen.length}.`,
        ...(left ? [`Not shown, since without a score on these: ${left}.`] : []),
        `The mean is over the ${chosen.length} corpora chosen, for models that have them all.`,
        ...(Board.publishedHere() && !folds ? ["Published rows are there as means over folds only."] : []),
      ].join(" "),
      table: {
        caption: `${name} in percent, ${folds ? "mean over folds" : "of all utterances"}, protocol ${state.protocol}`,
        columns,
        rows,
        sort: "-mean",
        file: `emobox-${state.protocol}-${state.metric}${folds ? "-mean-over-folds" : ""}`,
      },
    };
  }

  Board.views.corpora = ["Corpora", allCorpora];
})();
