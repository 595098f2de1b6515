"use strict";
/* The view of two or three models side by side: their differences by corpus, and over all corpora that they share. */
(() => {
  const { data, state, make, select, metrics, tables, value, remark } = Board;
  const { models, corpora } = data;
  const LETTERS = /** @type {const} */ (["a", "b", "c"]);
  // Points; what sums of the same shares differ by.
  const ROUNDING = 1e-9;
  /** @typedef {{ difference: number, error: number | null, clusters: number | null, how: string }} Difference */
  /** @typedef {{ letter: string, model: number, where: Where }} Side */
  /** @typedef {{ corpus: number, differences: (Difference | null)[] }} Compared */

  /* Measured models first: those of the paper have no intervals. */
  /** @type {(table: Map<number, Where>) => number[]} */
  const offered = (table) =>
    [...table.keys()].sort((one, other) => Number(models[one].published) - Number(models[other].published));

  /* Three controls; where the link names nobody, two models are there that share a corpus. */
  /** @type {(table: Map<number, Where>) => HTMLElement[]} */
  function sides(table) {
    const asked = LETTERS.map((letter) => models.findIndex(({ key }) => key === state[letter]));
    const listed = [...new Set([...offered(table), ...asked.filter((model) => model >= 0)])];
    const named = (/** @type {string} */ key) => listed.find((model) => models[model].key === key);
    const first = named(state.a) ?? listed[0];
    /** @type {(model: number) => boolean} */
    const shares = (model) =>
      model !== first &&
      [...(table.get(model)?.keys() ?? [])].some((corpus) => table.get(first)?.has(corpus));
    const second = named(state.b) ?? listed.find(shares);
    state.a = models[first]?.key ?? "";
    state.b = second === undefined ? "" : models[second].key;
    /** @type {[string, string][]} */
    const options = listed.map((model) => [models[model].key, Board.shortened(Board.modelText(model))]);
    return [
      select("a", "A", options),
      select("b", "B", second === undefined ? [["", "nobody"], ...options] : options),
      select("c", "C", [["", "nobody"], ...options]),
    ];
  }

  /* Standard errors of differences that were made of predictions: by corpus, in the order of UA. */
  /** @type {(corpus: number, one: number, other: number) => number | null} */
  function pairedError(corpus, one, other) {
    if (one === other) return 0;
    for (const table of data.pairs) {
      if (table.protocol !== Board.position() || table.corpus !== corpus) continue;
      const [first, second] = [table.models.indexOf(one), table.models.indexOf(other)].sort((p, q) => p - q);
      if (first < 0) continue;
      const behind = table.models.length - 1;
      return table[state.metric][first * behind - (first * (first - 1)) / 2 + second - first - 1];
    }
    return null;
  }

  /* Like with like: where one row is published, both are means over folds. */
  /** @type {(corpus: number, one: Side, other: Side) => Difference | null} */
  function difference(corpus, one, other) {
    const rows = [one, other].map(({ where }) => where.get(corpus));
    if (rows.some((row) => row === undefined || remark(row))) return null;
    const published = models[one.model].published || models[other.model].published;
    const [first, second] = rows.map((row) => value(row, published ? `${state.metric}_mean` : state.metric));
    if (first === null || second === null) return null;
    const errors = rows.map((row) => value(row, `${state.metric}_se`));
    const alone = published || errors.includes(null);
    const paired = alone ? null : pairedError(corpus, one.model, other.model);
    return {
      difference: first - second,
      error: alone ? null : (paired ?? Math.hypot(...errors)),
      clusters: alone ? null : Math.min(...rows.map((row) => value(row, "clusters"))),
      how: published
        ? "means over folds, as published: no interval"
        : alone
          ? "no interval"
          : paired === null
            ? "two standard errors"
            : paired === 0
              ? "paired, no spread"
              : "paired",
    };
  }

  /** @type {(found: Difference[]) => [number, number] | null} */
  function boundsOf(found) {
    const half = Board.halfWidth(found);
    const middle = found.reduce((sum, one) => sum + one.difference, 0) / found.length;
    return half === null ? null : [middle - half, middle + half];
  }

  /* Better, worse, or neither; without spread by the randomisation test of emobox_metric, since t would be infinite. */
  /** @type {(found: Difference[], mean: number, one: string, other: string) => string} */
  function verdict(found, mean, one, other) {
    const bounds = boundsOf(found);
    if (!bounds && found.some(({ error }) => error === null)) return "no interval, so nothing can be said";
    const fewest = Math.min(...found.map(({ clusters }) => clusters ?? 0));
    const apart = bounds
      ? bounds[0] > 0 || bounds[1] < 0
      : Math.abs(mean) > ROUNDING && 2 ** (1 - fewest) < 0.05;
    return apart ? `${mean > 0 ? one : other} is better` : "cannot be told apart";
  }

  /** @type {(pairs: [Side, Side][], rows: Compared[]) => HTMLElement} */
  function summary(pairs, rows) {
    const lines = pairs.map(([one, other], place) => {
      const found = rows.flatMap(({ differences }) => differences[place] ?? []);
      const [first, second] = [one.letter, other.letter];
      const mean = found.reduce((sum, { difference: apart }) => sum + apart, 0) / found.length;
      const bounds = found.length ? boundsOf(found) : null;
      const cells = found.length
        ? [
            String(found.length),
            Board.signed(mean),
            bounds ? Board.boundsCell(bounds, true) : "–",
            `${found.filter((part) => part.difference > 0).length} : ${found.filter((part) => part.difference < 0).length}`,
            verdict(found, mean, first, second),
          ]
        : ["0", "–", "–", "–", "no corpus in common"];
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, `${first} − ${second}`),
        ...cells.map((cell) => make("td", {}, cell)),
      );
    });
    const head = ["Pair", "Corpora", "Mean difference", "95 % interval", "Better on", "At 5 %"];
    return make(
      "div",
      { class: "region", role: "region", tabindex: "0", "aria-label": "Over all corpora, scrollable" },
      make(
        "table",
        { class: "small", id: "summary" },
        make("caption", {}, make("span", {}, `Over all corpora chosen, ${metrics[state.metric]} in points`)),
        make("thead", {}, make("tr", {}, ...head.map((word) => make("th", { scope: "col" }, word)))),
        make("tbody", {}, ...lines),
      ),
    );
  }

  /** @type {(pairs: [Side, Side][], rows: Compared[]) => Column<Compared>[]} */
  function pairColumns(pairs, rows) {
    const reach = Math.max(
      5,
      ...rows.flatMap(({ differences }) =>
        differences.flatMap((one) => (one ? [one.difference, ...(boundsOf([one]) ?? [])].map(Math.abs) : [])),
      ),
    );
    const to = Math.min(100, 5 * Math.ceil(reach / 5));
    return pairs.flatMap(([one, other], place) => {
      const title = `${one.letter} − ${other.letter}`;
      const of = (/** @type {Compared} */ row) => row.differences[place];
      /** @type {(end: number) => (row: Compared) => Score} */
      const bound = (end) => (row) => {
        const found = of(row);
        return (found && boundsOf([found])?.[end]) ?? null;
      };
      return /** @type {Column<Compared>[]} */ ([
        {
          key: `${one.letter}${other.letter}`,
          title,
          numeric: true,
          value: (row) => of(row)?.difference ?? null,
          show: (row) => make("span", {}, Board.signed(of(row)?.difference)),
        },
        {
          key: `${title} picture`,
          title: `${title}: 95 % interval (−${to} to +${to})`,
          help: "the upright mark is no difference",
          orderable: false,
          csv: [],
          value: () => "",
          show: (row) => {
            const found = of(row);
            if (!found) return make("span", {}, "");
            const point = found.difference;
            return Board.interval({
              low: bound(0)(row),
              high: bound(1)(row),
              point,
              best: 0,
              from: -to,
              to,
            });
          },
        },
        ...[0, 1].map((end) => ({
          key: `${title} ${end ? "high" : "low"}`,
          title: end ? "High" : "Low",
          name: `${title} ${end ? "high" : "low"}`,
          numeric: true,
          value: bound(end),
          show: (/** @type {Compared} */ row) => make("span", {}, Board.signed(bound(end)(row))),
        })),
        { key: `${title} how`, title: "Compared by", value: (row) => of(row)?.how ?? "" },
      ]);
    });
  }

  /** @returns {View} */
  function compare() {
    const unknown = Board.unknownNames([...LETTERS]);
    if (unknown.length) return Board.noSuchModel(unknown);
    const protocol = Board.protocolFor([...LETTERS]);
    const table = tables.get(Board.position()) ?? new Map();
    const controls = sides(table);
    const chosen = LETTERS.flatMap((letter) => {
      const model = models.findIndex(({ key }) => key === state[letter]);
      const where = Board.shownRows(table.get(model) ?? new Map());
      return model < 0 ? [] : [{ letter: letter.toUpperCase(), model, where }];
    });
    const pairs = chosen.flatMap((one, place) =>
      chosen.slice(place + 1).map((other) => /** @type {[Side, Side]} */ ([one, other])),
    );
    const shared = Board.chosenCorpora(
      chosen.map(({ model, where }) => [model, where]),
      false,
    );
    const rows = shared
      .map((corpus) => ({
        corpus,
        differences: pairs.map(([one, other]) => difference(corpus, one, other)),
      }))
      .filter(({ differences }) => differences.some(Boolean));
    const names = chosen.map(({ letter, model }) => `${letter}: ${Board.shortened(Board.modelText(model))}`);
    const lacking = chosen
      .filter(({ model }) => !table.has(model))
      .map(({ letter }) => `${letter} has no result by the protocol ${state.protocol}.`);
    return {
      heading: chosen.map(({ model }) => Board.shortened(Board.modelText(model))).join(" or ") || "No model",
      protocol: Board.protocolWords(),
      filters: [...controls, protocol, Board.metricFilter(), ...Board.corpusFilters(), Board.unseenFilter()],
      status: [
        `${names.join("; ")}.`,
        ...lacking,
        ...(pairs.length || lacking.length
          ? []
          : [`Nobody else has a result on its corpora by the protocol ${state.protocol}.`]),
      ].join(" "),
      after: make(
        "p",
        { class: "quiet" },
        "Where both kept their predictions, both are scored on the same resamples of speakers (paired); else the ",
        "interval is of two standard errors, and wider. Intervals of single corpora are not corrected for their number: ",
        "of 20 corpora one may look different by chance. Each is one comparison, so a pair that shares a rank, which is ",
        "corrected for all comparisons of a table, can be told apart here. Corpora that only one of a pair has are left out.",
      ),
      before: summary(pairs, rows),
      table: {
        caption: `${names.join(", ")}: ${metrics[state.metric]} in percent, protocol ${state.protocol}`,
        columns: [
          {
            key: "corpus",
            title: "Corpus",
            value: ({ corpus }) => corpora[corpus].title,
            show: ({ corpus }) =>
              make(
                "a",
                {
                  href: Board.link({
                    view: "corpus",
                    corpus: corpora[corpus].name,
                    protocol: state.protocol,
                    ...Board.anew,
                  }),
                },
                Board.shortened(corpora[corpus].title),
              ),
          },
          ...chosen.map(({ letter, model, where }) => ({
            key: letter,
            title: letter,
            name: Board.modelText(model),
            help: Board.modelText(model),
            numeric: true,
            value: (/** @type {Compared} */ { corpus }) => Board.scoreOf(model, where.get(corpus)),
            show: (/** @type {Compared} */ { corpus }) => Board.scoreCell(model, where.get(corpus)),
          })),
          ...pairColumns(pairs, rows),
          { key: "protocol", title: "Protocol", value: () => state.protocol },
        ],
        rows,
        sort: "corpus",
        file: `emobox-compare-${state.protocol}-${state.metric}`,
      },
    };
  }

  Board.views.compare = ["Compare", compare];
})();
