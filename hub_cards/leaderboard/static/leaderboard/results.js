"use strict";
/* What the views of scores within a corpus share: the rows of a protocol, and how to ask them. */
(() => {
  const { data, state, select, checkbox, metrics } = Board;
  const { results, models, protocols } = data;

  /* Rows of one protocol: where[model] is a map from corpus to the row of `results`. */
  const tables = new Map();
  results.model.forEach((model, row) => {
    const table =
      tables.get(results.protocol[row]) ??
      tables.set(results.protocol[row], new Map()).get(results.protocol[row]);
    (table.get(model) ?? table.set(model, new Map()).get(model)).set(results.corpus[row], row);
  });

  const protocolFilter = () =>
    select(
      "protocol",
      "Protocol",
      protocols.map(({ id }) => [id, id]),
    );
  const metricFilter = () => select("metric", "Score", Object.entries(metrics));

  /* Published rows have means over folds only: they are what is offered first where nothing was measured. */
  function overFilter() {
    const kinds = [
      ["utterances", "all utterances together"],
      ["folds", "mean over folds, as published"],
    ];
    const measured = [...(tables.get(position()) ?? new Map()).keys()].some((model) => !models[model].published);
    return select("over", "Of", measured ? kinds : kinds.reverse());
  }
  const column = () => (state.over === "folds" ? `${state.metric}_mean` : state.metric);
  const position = () => protocols.findIndex(({ id }) => id === state.protocol);
  const publishedHere = () => protocols[position()].id === "paper";

  function protocolWords() {
    const { id, summary, variant } = protocols[position()];
    const said = variant ? `not today's protocol of that name (${variant})` : summary || "settings not told";
    return `Protocol ${id}: ${said}.`;
  }

  function shownModels() {
    const table = tables.get(position()) ?? new Map();
    return [...table]
      .filter(([model]) => state.published === "yes" || !models[model].published)
      .map(([model, where]) => [model, shownRows(where)])
      .filter(([, where]) => where.size);
  }

  /* Of a model's rows those that the filters leave, by corpus. */
  const shownRows = (where) =>
    state.unseen === "yes" ? new Map([...where].filter(([, row]) => !isSeen(results.seen?.[row]))) : where;
  const unseenFilter = () => checkbox("unseen", "hide results on corpora the model has seen, or perhaps has");

  /* Whether a corpus was in a model's training data, or may have been; unknown is not seen. */
  const isSeen = (seen) => Boolean(seen) && seen !== "not";
  const seenWords = ({ seen, seen_source }) => (seen ? `${seen} (${seen_source})` : "");
  /* What stands behind a score, and what it says. */
  const marks = ({ remark, seen }) => (remark ? " †" : "") + (isSeen(seen) ? " ‡" : "");
  const markWords = ({ remark, seen, seen_source }) =>
    [remark, isSeen(seen) ? `seen in training: ${seenWords({ seen, seen_source })}` : ""].filter(Boolean).join("; ");
  const seenOf = (row) => ({ seen: value(row, "seen"), seen_source: value(row, "seen_source") });
  const markable = (row) => ({ remark: remark(row), ...seenOf(row) });

  const unique = (values) => [...new Set(values)].sort();
  const value = (row, name) => (row === undefined ? null : (results[name]?.[row] ?? null));
  const remark = (row) => value(row, "remark") || "";

  Object.assign(Board, {
    tables,
    protocolFilter,
    metricFilter,
    overFilter,
    column,
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
    unique,
    value,
    remark,
  });
  Board.views = {};
})();
