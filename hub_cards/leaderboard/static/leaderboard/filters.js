"use strict";
/* The filters that views of many corpora share, and what a model comes to over the corpora that they leave. */
(() => {
  const { data, state, select, checkbox, tables, pairs, unique, value, remark } = Board;
  const { models, corpora, protocols, standings, quantiles } = data;

  /** @type {[string, string, (hours: number) => boolean][]} */
  const sizes = [
    ["", "all", () => true],
    ["1", "under 1 hour", (hours) => hours < 1],
    ["10", "1 to 10 hours", (hours) => hours >= 1 && hours <= 10],
    ["more", "over 10 hours", (hours) => hours > 10],
  ];
  const parameters = ["", "10", "50", "100", "350", "1000"];

  /** @type {Page["corpusFilters"]} */
  const corpusFilters = () => [
    select("language", "Language", [
      ["", "all"],
      ...pairs(unique(corpora.flatMap(({ languages }) => languages)), Board.language),
    ]),
    select("source", "Source", [["", "all"], ...pairs(unique(corpora.map(({ source }) => source)))]),
    select(
      "hours",
      "Corpus size",
      sizes.map(([key, text]) => [key, text]),
    ),
    checkbox("disjoint", "only where no speaker is in both train and test"),
  ];
  /** @type {Page["sizeFilter"]} */
  const sizeFilter = () =>
    select(
      "size",
      "Model size",
      parameters.map((size) => [size, size ? `under ${size} M parameters` : "all"]),
    );
  /** @type {Page["smallEnough"]} */
  const smallEnough = (model) => !Number(state.size) || model.parameters < 1e6 * Number(state.size);

  /** @type {(corpus: number) => boolean} */
  const fits = (corpus) => {
    const { languages, source, hours, disjoint } = corpora[corpus];
    const [, , within] = sizes.find(([key]) => key === state.hours) ?? sizes[0];
    const apart = disjoint || protocols[Board.position()].apart;
    return (
      (!state.language || languages.includes(state.language)) &&
      (!state.source || source === state.source) &&
      (state.disjoint !== "yes" || apart) &&
      within(hours)
    );
  };

  /* Corpora that the filters leave; synthetic ones only when asked for, or where there are no others. */
  /** @type {Page["chosenCorpora"]} */
  function chosenCorpora(rows, shared = state.scope === "shared") {
    const present = new Set(rows.flatMap(([, where]) => [...where.keys()]));
    let chosen = corpora.map((_, corpus) => corpus).filter((corpus) => present.has(corpus) && fits(corpus));
    const benchmark = chosen.filter((corpus) => corpora[corpus].benchmark);
    if (!state.source && benchmark.length) chosen = benchmark;
    if (shared) {
      const having = rows.filter(([, where]) => chosen.some((corpus) => where.has(corpus)));
      chosen = chosen.filter((corpus) => having.every(([, where]) => where.has(corpus)));
    }
    return chosen;
  }

  /** @type {(where: Where, some: number[], column: string) => number | null} */
  function mean(where, some, column) {
    let sum = 0;
    for (const corpus of some) {
      const row = where.get(corpus);
      const score = row === undefined || remark(row) ? null : value(row, column);
      if (score === null) return null;
      sum += score;
    }
    return some.length ? sum / some.length : null;
  }
  /** @type {Page["meanOf"]} */
  const meanOf = (model, where, some) => mean(where, some, Board.column(model));

  /* Over those of the corpora that the model has; see hub_cards/leaderboard/standing.py. */
  /** @type {Page["winRate"]} */
  function winRate(where, some) {
    const column = `${state.metric}${state.over === "folds" ? "_mean" : ""}_wins`;
    const rates = some.flatMap((corpus) => {
      const won = value(where.get(corpus), column);
      return won === null ? [] : [won / value(where.get(corpus), "others")];
    });
    if (!rates.length) return null;
    // Equal rates are equal in whatever order they were added.
    return Number(((100 * rates.reduce((sum, rate) => sum + rate, 0)) / rates.length).toFixed(9));
  }

  /* Half the interval of a mean over corpora, which are independent: root of the sum of squared errors over their
     number, times Student's t with the degrees of freedom of Welch and Satterthwaite. */
  /** @type {Page["halfWidth"]} */
  function halfWidth(parts) {
    let [squares, fourths] = [0, 0];
    for (const { error, clusters } of parts) {
      if (error === null || clusters === null) return null;
      squares += error ** 2;
      fourths += error ** 4 / (clusters - 1);
    }
    if (!squares) return null;
    // Of one corpus they are whole, but for rounding.
    const degrees = Math.min(quantiles.length, Math.max(1, Math.floor(squares ** 2 / fourths + 1e-6)));
    return (quantiles[degrees - 1] * Math.sqrt(squares)) / parts.length;
  }
  /** @type {Page["boundsOfMean"]} */
  function boundsOfMean(model, where, some) {
    const middle = state.over === "folds" || models[model].published ? null : mean(where, some, state.metric);
    if (middle === null) return null;
    const half = halfWidth(
      some.map((corpus) => ({
        error: value(where.get(corpus), `${state.metric}_se`),
        clusters: value(where.get(corpus), "clusters"),
      })),
    );
    return half === null ? null : [Math.max(0, middle - half), Math.min(100, middle + half)];
  }

  /* Corpora on which somebody was measured, by protocol. */
  /** @type {Map<number, Set<number>>} */
  const measured = new Map(protocols.map((_, position) => [position, new Set()]));
  Board.columnOf("ua")?.forEach((score, row) => {
    if (score !== null && !remark(row))
      measured.get(data.results.protocol[row])?.add(data.results.corpus[row]);
  });

  /* Whether filters hide results, of models that are shown on these corpora, that their ranks were made with. */
  /** @type {(some: number[]) => boolean} */
  function hidesRanked(some) {
    const all = tables.get(Board.position()) ?? new Map();
    return Board.shownModels().some(
      ([model, where]) =>
        some.some((corpus) => where.has(corpus)) &&
        some.some(
          (corpus) =>
            !where.has(corpus) && value(all.get(model)?.get(corpus), `${state.metric}_rank`) !== null,
        ),
    );
  }

  /* The UA of who guesses, as the records of this protocol tell it; the paper's is of all labels of the corpus. */
  /** @type {Page["chanceOn"]} */
  function chanceOn(corpus) {
    for (const where of (tables.get(Board.position()) ?? new Map()).values()) {
      const chance = remark(where.get(corpus)) ? null : value(where.get(corpus), "ua_chance");
      if (chance !== null) return chance;
    }
    return Board.publishedHere() ? 100 / corpora[corpus].labels.length : null;
  }

  /* Ranks over the corpora chosen, by model: of one corpus its own, of a group those made with the page; else none. */
  /** @type {Page["ranksOver"]} */
  function ranksOver(some) {
    if (state.over === "folds" || hidesRanked(some)) return new Map();
    const table = tables.get(Board.position()) ?? new Map();
    const here = some.filter((corpus) => measured.get(Board.position())?.has(corpus));
    if (here.length === 1)
      return new Map(
        [...table].map(([model, where]) => [model, value(where.get(here[0]), `${state.metric}_rank`)]),
      );
    const group = standings.find(
      (one) =>
        one.protocol === Board.position() &&
        one.corpora.length === here.length &&
        here.every((corpus) => one.corpora.includes(corpus)),
    );
    return new Map(group?.models.map((model, place) => [model, group[state.metric][place]]));
  }

  /* What a reader of ranks over these corpora, or of their lack, has to know of the filters. */
  /** @type {Page["rankWords"]} */
  function rankWords(some) {
    if (hidesRanked(some)) return "No ranks: the filters hide results that they were made with.";
    if (!ranksOver(some).size)
      return "No ranks of just these corpora: they are made over all, a language, a source or one corpus.";
    return state.size || state.unseen === "yes"
      ? "Ranks are among all models, those too that the filters hide."
      : "";
  }

  Object.assign(Board, {
    corpusFilters,
    sizeFilter,
    smallEnough,
    chosenCorpora,
    meanOf,
    winRate,
    halfWidth,
    boundsOfMean,
    chanceOn,
    ranksOver,
    rankWords,
  });
})();
