"use strict";
/* The view of score against size or speed: what more parameters, or more time, buy. */
(() => {
  const { data, state, make, select, checkbox, metrics } = Board;
  const { models } = data;
  /** @typedef {{ model: number, x: number, score: number, bounds: [number, number] | null, front: boolean }} Point */

  const axes = {
    parameters: { title: "Million parameters", better: -1, label: "size" },
    speed: { title: "Audio hours per hour", better: 1, label: "speed" },
  };
  /** @typedef {keyof typeof axes} Axis */

  /* Nobody is both better on the axis and of a higher score. */
  /** @type {(points: Point[], better: number) => void} */
  function markFront(points, better) {
    let best = -Infinity;
    const ordered = [...points].sort((one, other) => better * (other.x - one.x) || other.score - one.score);
    for (const point of ordered) {
      point.front = point.score > best;
      best = Math.max(best, point.score);
    }
  }

  /* Ticks at 1, 2 and 5 times powers of ten. */
  /** @type {(from: number, to: number) => number[]} */
  function ticks(from, to) {
    const made = [];
    for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++)
      for (const part of to / from > 100 ? [1, 3] : [1, 2, 5]) made.push(part * 10 ** power);
    return made.filter((tick) => tick >= from && tick <= to);
  }

  /** @type {(points: Point[], axis: Axis, name: string) => SVGElement | HTMLElement} */
  function picture(points, axis, name) {
    if (!points.length) return make("p", { class: "quiet" }, "Nothing to draw with these filters.");
    // On a phone the picture is as wide as the page, and letters keep their size.
    const narrow = matchMedia("(max-width: 640px)").matches;
    const [width, height, left, right, top, bottom] = [
      narrow ? 370 : 720,
      narrow ? 300 : 380,
      40,
      20,
      30,
      48,
    ];
    const from = 0.8 * Math.min(...points.map(({ x }) => x));
    const to = 1.25 * Math.max(...points.map(({ x }) => x));
    const scores = Board.scale(points.flatMap(({ score, bounds }) => [score, ...(bounds ?? [])]));
    const x = (/** @type {number} */ value) =>
      left + (Math.log(value / from) / Math.log(to / from)) * (width - left - right);
    const y = (/** @type {number} */ value) =>
      top + ((scores.to - value) / (scores.to - scores.from)) * (height - top - bottom);
    const drawn = Board.svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${name} against ${axes[axis].label} of ${points.length} models; the numbers are in the table below`,
      class: "curve scatter",
    });
    /** @type {(words: string, attributes: Record<string, string | number>) => void} */
    const word = (words, attributes) => drawn.append(Board.svg("text", attributes, words));
    for (let tick = scores.from; tick <= scores.to; tick += 10) {
      drawn.append(
        Board.svg("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "grid" }),
      );
      word(String(tick), { x: left - 8, y: y(tick) + 4, "text-anchor": "end" });
    }
    for (const tick of ticks(from, to)) {
      drawn.append(
        Board.svg("line", { x1: x(tick), x2: x(tick), y1: top, y2: height - bottom, class: "grid" }),
      );
      word(String(Number(tick.toPrecision(1))), {
        x: x(tick),
        y: height - bottom + 18,
        "text-anchor": "middle",
      });
    }
    word(`${axes[axis].title}, logarithmic`, {
      x: (left + width) / 2,
      y: height - 6,
      "text-anchor": "middle",
    });
    word(name, { x: 8, y: 14 });
    for (const point of points) drawn.append(...marks(point, x(point.x), y));
    labels(points, x, y, width - right).forEach((label) => drawn.append(label));
    return drawn;
  }

  /** @type {(point: Point, at: number, y: (value: number) => number) => SVGElement[]} */
  function marks({ model, score, bounds, front }, at, y) {
    const published = models[model].published;
    const kind = `${published ? "published" : "point"}${front ? " front" : ""}`;
    const mark = published
      ? Board.svg("rect", { x: at - 4, y: y(score) - 4, width: 8, height: 8, class: kind })
      : Board.svg("circle", { cx: at, cy: y(score), r: 5, class: kind });
    mark.append(Board.svg("title", {}, Board.modelText(model)));
    const bar =
      bounds && Board.svg("line", { x1: at, x2: at, y1: y(bounds[0]), y2: y(bounds[1]), class: "bar" });
    return [...(bar ? [bar] : []), mark];
  }

  /* The names of those at the front, where they cover no name that is there already. */
  /** @type {(points: Point[], x: (value: number) => number, y: (value: number) => number, end: number) => SVGElement[]} */
  function labels(points, x, y, end) {
    /** @type {{ from: number, to: number, at: number }[]} */
    const taken = [];
    return points
      .filter(({ front }) => front)
      .sort((one, other) => other.score - one.score)
      .flatMap(({ model, x: value, score }) => {
        const text = Board.modelTitle(models[model]).split("/").at(-1)?.slice(0, 28) ?? "";
        const long = 7.2 * text.length;
        const free = [-6, 15]
          .flatMap((below) =>
            [x(value) + 9, x(value) - 9 - long].map((from) => ({ from, at: y(score) + below })),
          )
          .find(
            ({ from, at }) =>
              from >= 0 &&
              from + long <= end &&
              !taken.some((one) => Math.abs(one.at - at) < 15 && one.from < from + long && from < one.to),
          );
        if (!free) return [];
        const { from, at } = free;
        taken.push({ from, to: from + long, at });
        const right = from > x(value);
        return [
          Board.svg(
            "text",
            { x: right ? from : x(value) - 9, y: at, "text-anchor": right ? "start" : "end" },
            text,
          ),
        ];
      });
  }

  /* Corpora that every model shown has, unless the link says otherwise: means of others do not compare. */
  /** @type {(shown: [number, Where][]) => number[]} */
  function corporaOf(shown) {
    const shared = Board.chosenCorpora(shown, true);
    if (Board.asks("scope") || !shared.length) return Board.chosenCorpora(shown);
    state.scope = "shared";
    return shared;
  }

  /** @returns {View} */
  function size() {
    const controls = [
      select("x", "Against", [
        ["parameters", "size"],
        ["speed", "speed"],
      ]),
      Board.protocolFilter(),
      Board.metricFilter(),
      Board.overFilter(),
    ];
    const axis = /** @type {Axis} */ (state.x);
    const machines = Board.unique(data.speed.map(({ hardware }) => hardware));
    if (axis === "speed" && machines.length) {
      state.hardware = Board.hardware();
      controls.push(select("hardware", "Machine", Board.pairs(machines, Board.shortened)));
    }
    const filters = [...controls, ...Board.corpusFilters()];
    const shown = Board.shownModels();
    const chosen = corporaOf(shown);
    filters.push(
      select("scope", "Corpora", [
        ["all", "all"],
        ["shared", "those that every model shown has"],
      ]),
      Board.sizeFilter(),
      ...(Board.publishedHere() ? [checkbox("published", "published rows")] : []),
      Board.unseenFilter(),
    );
    const rates = Board.speeds();
    const points = shown.flatMap(([model, where]) => {
      const score = Board.meanOf(model, where, chosen);
      const x = axis === "speed" ? rates.get(model) : models[model].parameters / 1e6;
      if (score === null || !x) return [];
      return [{ model, x, score, bounds: Board.boundsOfMean(model, where, chosen), front: false }];
    });
    markFront(points, axes[axis].better);
    const name = `Mean ${metrics[state.metric]}`;
    const left = shown.length - points.length;
    return {
      heading: `Score against ${axes[axis].label}`,
      protocol: Board.protocolWords(),
      filters,
      status: [
        `Models: ${points.length}. ${name} over ${chosen.length} corpora:`,
        `${chosen.map((corpus) => Board.shortened(data.corpora[corpus].title)).join(", ")}.`,
        ...(left
          ? [
              `Left out, since without a score on all of these or without a known ${axes[axis].label}: ${left}.`,
            ]
          : []),
        ...(points.some(({ bounds }) => bounds) ? ["Upright bars are 95 % intervals."] : []),
        `In the front, in full colour: nobody is ${axis === "speed" ? "faster" : "smaller"} and better.`,
      ].join(" "),
      before: make("div", { class: "plot" }, picture(points, axis, name)),
      table: {
        caption: `${name} against ${axes[axis].label}, protocol ${state.protocol}`,
        columns: [
          {
            key: "model",
            title: "Model",
            value: ({ model }) => Board.modelText(model),
            show: ({ model }) => Board.modelCell(model),
          },
          { key: "score", title: name, numeric: true, value: ({ score }) => score },
          Board.boundsColumn("interval", "95 % interval", ({ bounds }) => bounds, "of the mean"),
          { key: "front", title: "Front", value: ({ front }) => (front ? "yes" : "") },
          ...Board.modelColumns(({ model }) => model),
          { key: "protocol", title: "Protocol", value: () => state.protocol },
        ],
        rows: points,
        sort: "-score",
        file: `emobox-${axes[axis].label}-${state.protocol}`,
      },
    };
  }

  Board.views.size = ["Size and speed", size];
})();
