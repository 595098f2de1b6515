"use strict";
/* The view across corpora: a matrix for one model, and all models by pair. */
(() => {
  const { data, state, make, select, metrics } = Board;

  /* Without the pairs that the filter hides; a mean of the others would stand beside means of all. */
  /** @type {(matrix: Matrix) => Matrix} */
  function shownPairs(matrix) {
    const pairs = matrix.pairs.filter(({ seen }) => state.unseen !== "yes" || !Board.isSeen(seen));
    return pairs.length < matrix.pairs.length ? { ...matrix, pairs, average: {} } : matrix;
  }

  /** @returns {View} */
  function across() {
    const unknown = Board.unknownNames(["model"]);
    if (unknown.length) return Board.noSuchModel(unknown);
    openOnAsked();
    const protocol = select(
      "protocol",
      "Protocol",
      Board.pairs([...new Set(data.cross.map((one) => one.protocol))]),
    );
    const settings = [
      ...new Set(data.cross.filter((one) => one.protocol === state.protocol).map((one) => one.setting)),
    ];
    const setting = select(
      "setting",
      "Trained and tested on",
      settings.map((name) => [name, Board.shortened(name.slice(name.indexOf(":") + 2))]),
    );
    const everything = data.cross.filter((matrix) => matrix.setting === state.setting);
    const matrices = everything.map(shownPairs);
    // WA is what the paper gives, so it is what all rows have.
    const offered = Object.entries(metrics).filter(([metric]) =>
      everything.some(({ pairs }) => pairs.some((pair) => metric in pair)),
    );
    const metric = select("score", "Score", offered);
    const having = matrices.filter(({ pairs }) => pairs.some((pair) => state.score in pair));
    const named = data.models.findIndex(({ key }) => key === state.model);
    const listed = having.map(({ model }) => model);
    const lacks = named >= 0 && !listed.includes(named);
    const model = select(
      "model",
      "Model",
      [...listed, ...(lacks ? [named] : [])].map((place) => [
        data.models[place].key,
        Board.shortened(Board.modelText(place)),
      ]),
    );
    const chosen = having.find((matrix) => data.models[matrix.model].key === state.model);
    const key = (/** @type {Pair} */ { source, target }) => `${source} → ${target}`;
    const everyPair = new Map(having.flatMap(({ pairs }) => pairs.map((pair) => [key(pair), pair])));
    /** @type {(matrix: Matrix, name: string) => Pair | undefined} */
    const of = (matrix, name) => matrix.pairs.find((pair) => key(pair) === name);
    /** @type {Column<Matrix>[]} */
    const columns = [
      {
        key: "model",
        title: "Model",
        value: (matrix) => Board.modelText(matrix.model),
        show: (matrix) => Board.modelCell(matrix.model),
      },
      {
        key: "average",
        title: `Mean ${metrics[state.score]}`,
        numeric: true,
        help: "over all pairs of two different corpora",
        value: (matrix) => matrix.average[state.score] ?? null,
      },
      {
        key: "pairs",
        title: "Pairs",
        numeric: true,
        decimals: 0,
        value: (matrix) => matrix.pairs.filter(({ source, target }) => source !== target).length,
      },
      ...[...everyPair].sort().map(
        ([name, { source, target }]) =>
          /** @type {Column<Matrix>} */ ({
            key: name,
            title: `${title(source)} → ${title(target)}`,
            name,
            numeric: true,
            value: (matrix) => of(matrix, name)?.[state.score] ?? null,
            show: (matrix) => {
              const pair = of(matrix, name);
              if (!pair) return make("span", {}, "–");
              return make(
                "span",
                { title: wordsOf(pair) || false },
                Board.number(pair[state.score]) + signs(pair),
              );
            },
          }),
      ),
      ...Board.recordColumn(({ record }) => record),
      {
        key: "protocol",
        title: "Protocol",
        value: () => state.setting,
        show: () => make("span", {}, state.protocol),
      },
    ];
    return {
      heading: "From one corpus to another",
      protocol: `Protocol ${state.setting}.`,
      filters: [protocol, setting, metric, model, Board.unseenFilter()],
      status: [
        ...(lacks
          ? [`No result of ${Board.shortened(Board.modelText(named))} by this protocol and setting.`]
          : []),
        `Models: ${having.length}. Rows of a matrix are what was trained on, columns what was tested.`,
        "Compare means only of the same pairs.",
      ].join(" "),
      before: chosen ? matrixOf(chosen) : null,
      table: {
        caption: `${metrics[state.score]} in percent by pair, ${state.setting}`,
        columns,
        rows: having,
        sort: "-average",
        file: `emobox-cross-corpus-${state.protocol}-${state.score}`,
      },
    };
  }

  /* Where the link names a model, and does not say by which protocol and on what: the first that it has. */
  function openOnAsked() {
    const meant = data.cross.find(
      ({ model, protocol, setting }) =>
        data.models[model].key === state.model &&
        (!Board.asks("protocol") || protocol === state.protocol) &&
        (!Board.asks("setting") || setting === state.setting),
    );
    if (meant) Object.assign(state, { protocol: meant.protocol, setting: meant.setting });
  }

  /** @type {(name: string) => string} */
  const title = (name) => Board.shortened(data.corpora.find((corpus) => corpus.name === name)?.title ?? name);

  /* What stands behind the score of a pair, and what it says. */
  const signs = (/** @type {Pair} */ pair) => (pair.overlap?.length ? " *" : "") + Board.marks(pair);
  const wordsOf = (/** @type {Pair} */ pair) =>
    [...(pair.overlap ?? []), Board.markWords(pair)].filter(Boolean).join("; ");

  /** @type {(matrix: Matrix) => HTMLElement} */
  function matrixOf(matrix) {
    const sources = [...new Set(matrix.pairs.map(({ source }) => source))].sort();
    const targets = [...new Set(matrix.pairs.map(({ target }) => target))].sort();
    const rows = sources.map((source) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, title(source)),
        ...targets.map((target) => {
          const pair = matrix.pairs.find((one) => one.source === source && one.target === target);
          if (!pair || pair[state.score] === undefined) return make("td", { class: "none" }, "–");
          const low = pair[`${state.score}_low`];
          const told = [
            low === undefined ? "" : `${low.toFixed(1)} to ${pair[`${state.score}_high`].toFixed(1)}`,
            pair.interval_note,
            wordsOf(pair),
          ].filter(Boolean);
          const cell = make(
            "td",
            { title: told.join("; ") || false },
            pair[state.score].toFixed(1) + signs(pair),
          );
          if (told.length) cell.append(make("span", { class: "unseen" }, ` (${told.join("; ")})`));
          Board.shade(cell, pair[state.score]);
          return cell;
        }),
      ),
    );
    const head = make(
      "tr",
      {},
      make("th", { scope: "col" }, "trained on ↓, tested on →"),
      ...targets.map((target) => make("th", { scope: "col" }, title(target))),
    );
    const star = matrix.pairs.some(({ overlap }) => overlap?.length) ? "; * shares speakers or audio" : "";
    const dagger = matrix.pairs.some(({ remark }) => remark) ? "; † on incomplete corpora" : "";
    const double = matrix.pairs.some(({ seen }) => Board.isSeen(seen))
      ? "; ‡ tested on what was seen in training"
      : "";
    const caption = `${Board.shortened(Board.modelText(matrix.model))}: ${metrics[state.score]} in percent${star}${dagger}${double}`;
    const region = make(
      "div",
      { class: "region", role: "region", tabindex: "0", "aria-label": "Matrix, scrollable" },
      make(
        "table",
        { class: "matrix", id: "matrix" },
        make("caption", {}, make("span", {}, caption)),
        make("thead", {}, head),
        make("tbody", {}, ...rows),
      ),
    );
    const section = make("div", {}, region, Board.colourKey());
    for (const remark of matrix.remarks) section.append(make("p", { class: "quiet" }, remark));
    return section;
  }

  Board.views.cross = ["Across corpora", across];
})();
