"use strict";
/* What the views of scores within a corpus share: the rows of a protocol, and how to ask them. */
(() => {
  const { data, state, make, select, checkbox, metrics } = Board;
  const { results, models, protocols } = data;

  /* Rows of one protocol: where[model] is a map from corpus to the row of `results`. */
  /** @type {Page["tables"]} */
  const tables = new Map();
  results.model.forEach((model, row) => {
    const table = tables.get(results.protocol[row]) ?? new Map();
    const where = table.get(model) ?? new Map();
    tables.set(results.protocol[row], table.set(model, where.set(results.corpus[row], row)));
  });

  /** @type {Page["protocolFilter"]} */
  const protocolFilter = () => select("protocol", "Protocol", pairs(protocols.map(({ id }) => id)));
  /* Of names in the link, those that no model has; a bare name means its newest revision, where it has several. */
  /** @type {Page["unknownNames"]} */
  function unknownNames(names) {
    return names.flatMap((name) => {
      if (!state[name] || models.some(({ key }) => key === state[name])) return [];
      const named = models.filter((model) => model.name === state[name]);
      const meant = named.find(({ newest }) => newest) ?? named[0];
      if (!meant) return [state[name]];
      state[name] = meant.key;
      return [];
    });
  }
  /* Where the link names models and no protocol, the first that all of them have, or else the first of them. */
  /** @type {Page["protocolFor"]} */
  function protocolFor(names) {
    const named = names
      .map((name) => models.findIndex(({ key }) => key === state[name]))
      .filter((model) => model >= 0);
    const having = (/** @type {number[]} */ some) =>
      protocols.find((_, place) => some.length && some.every((model) => tables.get(place)?.has(model)));
    if (!Board.asks("protocol")) state.protocol = (having(named) ?? having(named.slice(0, 1)))?.id ?? "";
    return protocolFilter();
  }
  /* Instead of a view whose link names models that are not here: nothing of others. */
  /** @type {Page["noSuchModel"]} */
  function noSuchModel(names) {
    protocolFilter();
    return {
      heading: "No such model",
      protocol: "",
      filters: [],
      status: `This board has no model ${names.map(Board.shortened).join(", and no model ")}.`,
      links: [make("a", { href: "#view=corpora" }, "All models")],
      table: {
        caption: "Nothing to show",
        columns: [{ key: "model", title: "Model", value: () => "" }],
        rows: [],
        sort: "model",
        file: "emobox",
      },
    };
  }
  /** @type {Page["metricFilter"]} */
  const metricFilter = () => select("metric", "Score", Object.entries(metrics));

  /* Published rows have means over folds only: they are what is offered first where nothing was measured. */
  /** @type {Page["overFilter"]} */
  function overFilter() {
    /** @type {[string, string][]} */
    const kinds = [
      ["utterances", "all utterances together"],
      ["folds", "mean over folds, as published"],
    ];
    const measured = [...(tables.get(position()) ?? new Map()).keys()].some(
      (model) => !models[model].published,
    );
    return select("over", "Of", measured ? kinds : kinds.reverse());
  }
  /* Published rows are means over folds wherever they stand, and are marked so. */
  /** @type {Page["column"]} */
  const column = (model) =>
    state.over === "folds" || models[model]?.published ? `${state.metric}_mean` : state.metric;
  /** @type {Page["scoreOf"]} */
  const scoreOf = (model, row) => value(row, column(model));
  /** @type {Page["position"]} */
  const position = () => protocols.findIndex(({ id }) => id === state.protocol);
  /** @type {Page["publishedHere"]} */
  const publishedHere = () => protocols[position()].id === "paper";

  /** @type {Page["protocolWords"]} */
  function protocolWords() {
    const { id, summary, variant } = protocols[position()];
    const said = variant ? `not today's protocol of that name (${variant})` : summary || "settings not told";
    return `Protocol ${id}: ${said}.`;
  }

  /** @type {Page["shownModels"]} */
  function shownModels() {
    const table = tables.get(position()) ?? new Map();
    return [...table]
      .filter(([model]) => state.published === "yes" || !models[model].published)
      .filter(([model]) => Board.smallEnough(models[model]))
      .map(([model, where]) => /** @type {[number, Where]} */ ([model, shownRows(where)]))
      .filter(([, where]) => where.size);
  }

  /* Of a model's rows those that the filters leave, by corpus. */
  /** @type {Page["shownRows"]} */
  const shownRows = (where) =>
    state.unseen === "yes" ? new Map([...where].filter(([, row]) => !isSeen(results.seen?.[row]))) : where;
  /** @type {Page["unseenFilter"]} */
  const unseenFilter = () => checkbox("unseen", "hide results on corpora the model has seen, or perhaps has");

  /* Whether a corpus was in a model's training data, or may have been; unknown is not seen. */
  /** @type {Page["isSeen"]} */
  const isSeen = (seen) => Boolean(seen) && seen !== "not";
  /** @type {Page["seenWords"]} */
  const seenWords = ({ seen, seen_source }) => (seen ? `${seen} (${seen_source})` : "");
  /* What stands behind a score, and what it says. */
  /** @type {Page["marks"]} */
  const marks = ({ mean, remark, seen }) =>
    (mean ? " °" : "") + (remark ? " †" : "") + (isSeen(seen) ? " ‡" : "");
  /** @type {Page["markWords"]} */
  const markWords = ({ mean, remark, seen, seen_source }) =>
    [
      mean ? "mean over folds, as published" : "",
      remark,
      isSeen(seen) ? `seen in training: ${seenWords({ seen, seen_source })}` : "",
    ]
      .filter(Boolean)
      .join("; ");
  /** @type {Page["seenOf"]} */
  const seenOf = (row) => ({ seen: value(row, "seen"), seen_source: value(row, "seen_source") });
  /** @type {Page["markable"]} */
  const markable = (model, row) => ({
    mean: models[model].published && state.over !== "folds" && row !== undefined,
    remark: remark(row),
    ...seenOf(row),
  });
  /** @type {Page["scoreCell"]} */
  const scoreCell = (model, row) => {
    const text = Board.number(scoreOf(model, row));
    if (row === undefined) return document.createTextNode(text);
    const marked = markable(model, row);
    const mark = marks(marked);
    return mark ? make("span", { title: markWords(marked) }, text + mark) : document.createTextNode(text);
  };

  /* An interval as one cell. */
  /** @type {Page["boundsCell"]} */
  const boundsCell = (bounds, signed = false) => {
    const [low, high] = bounds ?? [];
    if (low === null || low === undefined || high === null || high === undefined) return "";
    const [from, to] = [low, high].map((bound) => (signed ? Board.signed(bound) : bound.toFixed(1)));
    return `${from} to ${to}`;
  };
  /* An interval as one column; a downloaded table has its ends as numbers. */
  /** @type {Page["boundsColumn"]} */
  const boundsColumn = (key, title, bounds, help, signed = false) => ({
    key,
    title,
    help,
    orderable: false,
    value: (row) => boundsCell(bounds(row), signed),
    csv: ["low", "high"].map((end, place) => ({
      key: `${key} ${end}`,
      title: `${title}, ${end}`,
      numeric: true,
      value: (row) => bounds(row)?.[place] ?? null,
    })),
  });

  /* Where the board is made from a copy of a dataset of results: links to the records there. */
  /** @type {Page["recordColumn"]} */
  const recordColumn = (pathOf) => {
    /** @type {(path: string | null | undefined) => HTMLElement} */
    const show = (path) =>
      path
        ? Board.outward(
            `https://huggingface.co/datasets/${data.results_repo}/blob/main/${path.split("/").map(encodeURIComponent).join("/")}`,
            "record",
          )
        : make("span", {}, "");
    if (!data.results_repo) return [];
    return [
      {
        key: "record",
        title: "Record",
        csv: [],
        orderable: false,
        value: () => "",
        show: (row) => show(pathOf(row)),
      },
    ];
  };

  /** @type {Page["pairs"]} */
  const pairs = (values, text = (value) => value) => values.map((value) => [value, text(value)]);
  /** @type {Page["unique"]} */
  const unique = (values) => [...new Set(values)].sort();
  /** @type {Page["value"]} */
  const value = (row, name) => (row === undefined ? null : (Board.columnOf(name)?.[row] ?? null));
  /** @type {Page["remark"]} */
  const remark = (row) => value(row, "remark") || "";

  Object.assign(Board, {
    tables,
    protocolFilter,
    unknownNames,
    protocolFor,
    noSuchModel,
    metricFilter,
    overFilter,
    column,
    scoreOf,
    scoreCell,
    boundsCell,
    boundsColumn,
    recordColumn,
    position,
    publishedHere,
    protocolWords,
    shownModels,
    shownRows,
    unseenFilter,
    isSeen,
    seenOf,
    seenWords,
    marks,
    markWords,
    markable,
    pairs,
    unique,
    value,
    remark,
  });
  Board.views = {};
})();
