"use strict";
/* What the views of scores within a corpus share: the rows of a protocol, and how to ask them. */
(() => {
  const { data, state, select, metrics } = Board;
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
  const position = () => protocols.findIndex(({ id }) => id === state.protocol);
  const publishedHere = () => protocols[position()].id === "paper";

  function protocolWords() {
    const { id, summary, variant } = protocols[position()];
    const said = variant ? `not today's protocol of that name (${variant})` : summary || "settings not told";
    return `Protocol ${id}: ${said}.`;
  }

  function shownModels() {
    const table = tables.get(position()) ?? new Map();
    return [...table].filter(([model]) => state.published === "yes" || !models[model].published);
  }

  const unique = (values) => [...new Set(values)].sort();
  const value = (row, name) => (row === undefined ? null : (results[name]?.[row] ?? null));
  const remark = (row) => value(row, "remark") || "";

  Object.assign(Board, {
    tables,
    protocolFilter,
    metricFilter,
    position,
    publishedHere,
    protocolWords,
    shownModels,
    unique,
    value,
    remark,
  });
  Board.views = {};
})();
