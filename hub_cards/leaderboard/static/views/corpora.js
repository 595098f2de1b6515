"use strict";
/* The view of all corpora: models by corpora, or by groups of corpora. */
(() => {
  const { data, state, make, select, checkbox, metrics, unique, value } = Board;
  const { models, corpora } = data;
  // A corpus of several languages is in the mean of none of them.
  /** @type {(corpus: Corpus) => string} */
  const languageOf = ({ languages }) =>
    languages.length > 1 ? "several languages" : Board.language(languages[0]);

  /* What a score on a corpus has to be read beside, as its records tell it. */
  /** @returns {Map<number, string>} */
  function lines() {
    const raters = new Map();
    Board.columnOf(`${state.metric}_rater`)?.forEach((score, row) => {
      if (score !== null && data.results.protocol[row] === Board.position())
        raters.set(data.results.corpus[row], score);
    });
    return new Map(
      corpora.map((_, corpus) => {
        const chance = state.metric === "ua" ? Board.chanceOn(corpus) : null;
        const words = [
          chance === null ? "" : `chance ${chance.toFixed(Number.isInteger(chance) ? 0 : 1)}`,
          raters.has(corpus) ? `a rater ${raters.get(corpus).toFixed(0)}` : "",
        ];
        return [corpus, words.filter(Boolean).join(", ")];
      }),
    );
  }

  /** @type {(model: number, mean: number | null) => HTMLElement} */
  function meanCell(model, mean) {
    const marked = { mean: mean !== null && models[model].published && state.over !== "folds" };
    return make(
      "span",
      { title: Board.markWords(marked) || false },
      Board.number(mean) + Board.marks(marked),
    );
  }

  /** @type {(chosen: number[]) => Column<[number, Where]>[]} */
  function groups(chosen) {
    if (state.columns === "corpora") {
      const below = state.lines === "yes" ? lines() : new Map();
      return chosen.map((corpus) => ({
        key: corpora[corpus].name,
        title: corpora[corpus].title,
        name: corpora[corpus].name,
        numeric: true,
        help: `${corpora[corpus].languages.map(Board.language).join(", ")}; ${corpora[corpus].source}`,
        below: below.get(corpus),
        value: ([model, where]) => Board.scoreOf(model, where.get(corpus)),
        show: ([model, where]) => Board.scoreCell(model, where.get(corpus)),
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
        value: ([model, where]) => Board.meanOf(model, where, members),
        show: ([model, where]) => meanCell(model, Board.meanOf(model, where, members)),
      };
    });
  }

  /** @returns {HTMLElement[]} */
  function filters() {
    return [
      Board.protocolFilter(),
      Board.metricFilter(),
      Board.overFilter(),
      select("columns", "Columns", [
        ["corpora", "corpora"],
        ["languages", "means by language"],
        ["sources", "means by source"],
      ]),
      ...Board.corpusFilters(),
      select("scope", "Corpora", [
        ["all", "all"],
        ["shared", "those that every model shown has"],
      ]),
      Board.sizeFilter(),
      ...(Board.publishedHere() ? [checkbox("published", "published rows")] : []),
      Board.unseenFilter(),
      checkbox("lines", "chance and people below the names of corpora"),
    ];
  }

  /* What stands before the corpora: where a model stands over all that are chosen. */
  /** @type {(chosen: number[]) => Column<[number, Where]>[]} */
  function standing(chosen) {
    const name = metrics[state.metric];
    const ranks = Board.ranksOver(chosen);
    const folds = state.over === "folds";
    /** @type {Map<number, number | null>} */
    const means = new Map();
    /** @type {(row: [number, Where]) => number | null} */
    const meanOf = ([model, where]) => {
      if (!means.has(model)) means.set(model, Board.meanOf(model, where, chosen));
      return means.get(model) ?? null;
    };
    /** @type {Column<[number, Where]>[]} */
    const ofUtterances = [
      {
        key: "rank",
        title: "Rank",
        numeric: true,
        ascending: true,
        decimals: 0,
        help: "in the order of win rates; models of one rank cannot be told apart at 5 %, corrected for all comparisons",
        value: ([model]) => ranks.get(model) ?? null,
      },
      Board.boundsColumn(
        "interval",
        "95 % interval",
        ([model, where]) => Board.boundsOfMean(model, where, chosen),
        "of the mean, over new speakers of these corpora",
      ),
    ];
    const [rank, interval] = folds ? [] : ofUtterances;
    return [
      ...(rank ? [rank] : []),
      {
        key: "mean",
        title: `Mean ${name}`,
        numeric: true,
        help: `over the ${chosen.length} corpora chosen, where a model has them all`,
        value: meanOf,
        show: (row) => meanCell(row[0], meanOf(row)),
      },
      {
        key: "wins",
        title: "Win rate",
        numeric: true,
        help: "on each corpus the share of other models that it beats; mean over the corpora it has, in percent",
        value: ([, where]) => Board.winRate(where, chosen),
      },
      ...(interval ? [interval] : []),
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
    ];
  }

  /** @type {(chosen: number[]) => Column<[number, Where]>[]} */
  const toChoose = (chosen) => [
    ...Board.modelColumns(([model]) => model),
    {
      key: "seen",
      title: "Seen in training",
      help: "corpora chosen that the model has seen, or perhaps has",
      value: ([, where]) =>
        chosen
          .filter((corpus) => Board.isSeen(value(where.get(corpus), "seen")))
          .map((corpus) => corpora[corpus].title)
          .join(", "),
    },
  ];

  /** @returns {View} */
  function allCorpora() {
    const controls = filters();
    const folds = state.over === "folds";
    const shown = Board.shownModels();
    const chosen = Board.chosenCorpora(shown);
    const rows = shown.filter(([, where]) => chosen.some((corpus) => where.has(corpus)));
    const left = shown.length - rows.length;
    const name = metrics[state.metric];
    const more = toChoose(chosen);
    const published = Board.publishedHere() && !folds && rows.some(([model]) => models[model].published);
    return {
      heading: `${name} within corpora`,
      protocol: Board.protocolWords(),
      filters: [...controls, Board.chooser(more)],
      status: [
        `Models: ${rows.length}. Corpora: ${chosen.length}.`,
        ...(left ? [`Not shown, since without a score on these: ${left}.`] : []),
        "Models stand by their win rate, so those that lack corpora have a place too.",
        ...(published ? ["° is a published mean over folds."] : []),
        ...(folds ? [] : [Board.rankWords(chosen)]),
      ].join(" "),
      table: {
        caption: `${name} in percent, ${folds ? "mean over folds" : "of all utterances"}, protocol ${state.protocol}`,
        columns: [
          {
            key: "model",
            title: "Model",
            value: ([model]) => Board.modelText(model),
            show: ([model]) => Board.modelCell(model),
          },
          ...standing(chosen),
          ...Board.chosenColumns(more),
          ...groups(chosen),
          { key: "protocol", title: "Protocol", value: () => state.protocol },
        ],
        rows,
        sort: "-wins -mean",
        file: `emobox-${state.protocol}-${state.metric}${folds ? "-mean-over-folds" : ""}`,
      },
    };
  }

  Board.views.corpora = ["Corpora", allCorpora];
})();
