"use strict";
/* Small pictures in SVG: an interval on a scale, a curve over layers, and colours for a matrix. */
(() => {
  /**
   * @param {string} name
   * @param {Record<string, string | number>} attributes
   * @param {(Node | string)[]} children
   */
  function svg(name, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    element.append(...children);
    return element;
  }

  /* A score on the scale from `from` to `to` percent, its interval as a line; `best` is a mark for comparison. */
  /** @type {Page["interval"]} */
  function interval({ low, point, high, best, from, to }) {
    const width = 180,
      height = 18,
      pad = 6;
    const x = (/** @type {number} */ value) => pad + ((value - from) / (to - from)) * (width - 2 * pad);
    const words =
      low === null || low === undefined || high === null || high === undefined
        ? `${point.toFixed(1)}, no interval`
        : `${point.toFixed(1)}, interval ${low.toFixed(1)} to ${high.toFixed(1)}`;
    const picture = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": words,
      class: "interval",
    });
    picture.append(svg("line", { x1: pad, x2: width - pad, y1: 9, y2: 9, class: "scale" }));
    if (best !== undefined && best !== null)
      picture.append(svg("line", { x1: x(best), x2: x(best), y1: 2, y2: 16, class: "best" }));
    if (low !== null && low !== undefined && high !== null && high !== undefined) {
      picture.append(svg("line", { x1: x(low), x2: x(high), y1: 9, y2: 9, class: "bar" }));
      for (const end of [low, high])
        picture.append(svg("line", { x1: x(end), x2: x(end), y1: 5, y2: 13, class: "bar" }));
      picture.append(svg("circle", { cx: x(point), cy: 9, r: 4, class: "point" }));
    } else {
      picture.append(svg("rect", { x: x(point) - 3.5, y: 5.5, width: 7, height: 7, class: "published" }));
    }
    return picture;
  }

  /* A scale in round tens around all values. */
  /** @type {Page["scale"]} */
  function scale(values) {
    const known = values.filter((value) => value !== null && value !== undefined);
    const from = Math.max(0, Math.floor(Math.min(...known, 100) / 10) * 10);
    const to = Math.min(100, Math.ceil(Math.max(...known, 0) / 10) * 10);
    return from < to ? { from, to } : { from: 0, to: 100 };
  }

  /* layers: [name, UA on validation, UA on test] each. */
  /** @type {Page["curve"]} */
  function curve(layers, label, chance) {
    const width = 640,
      height = 280,
      left = 46,
      right = 16,
      top = 14,
      bottom = 44;
    const { from, to } = scale([chance, ...layers.flatMap(([, validation, test]) => [validation, test])]);
    const x = (/** @type {number} */ place) =>
      left + (layers.length < 2 ? 0.5 : place / (layers.length - 1)) * (width - left - right);
    const y = (/** @type {number} */ value) => top + ((to - value) / (to - from)) * (height - top - bottom);
    const picture = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": label,
      class: "curve",
    });
    /** @type {(content: string, attributes: Record<string, string | number>) => void} */
    const word = (content, attributes) => picture.append(svg("text", attributes, content));
    for (let value = from; value <= to; value += to - from > 50 ? 20 : 10) {
      picture.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }));
      word(String(value), { x: left - 8, y: y(value) + 4, "text-anchor": "end" });
    }
    picture.append(
      svg("line", { x1: left, x2: width - right, y1: y(chance), y2: y(chance), class: "chance" }),
    );
    word("chance", { x: width - right, y: y(chance) - 4, "text-anchor": "end" });
    const step = Math.ceil(layers.length / 26);
    layers.forEach(([name], place) => {
      if (place % step === 0)
        word(name.slice(0, 6), { x: x(place), y: height - bottom + 18, "text-anchor": "middle" });
    });
    word("layer (0 is what goes into the first)", {
      x: (left + width) / 2,
      y: height - 6,
      "text-anchor": "middle",
    });
    /** @type {[string, 1 | 2][]} */
    const lines = [
      ["validation", 1],
      ["test", 2],
    ];
    for (const [series, column] of lines) {
      const path = layers
        .map((layer, place) => `${place ? "L" : "M"}${x(place)},${y(layer[column])}`)
        .join("");
      picture.append(svg("path", { d: path, class: `line ${series}` }));
      layers.forEach((layer, place) =>
        picture.append(
          series === "test"
            ? svg("circle", { cx: x(place), cy: y(layer[column]), r: 4, class: series })
            : svg("rect", {
                x: x(place) - 3.5,
                y: y(layer[column]) - 3.5,
                width: 7,
                height: 7,
                class: series,
              }),
        ),
      );
    }
    return picture;
  }

  /* Dark blue to yellow, as cividis runs, from 0 to 100 percent wherever there are colours; with the ink that can be read on it. */
  const stops = [
    [0, 34, 78],
    [66, 77, 108],
    [124, 123, 120],
    [187, 175, 113],
    [254, 232, 56],
  ];
  /** @param {number} share */
  function colour(share) {
    const place = Math.min(0.9999, Math.max(0, share)) * (stops.length - 1);
    const lower = Math.floor(place),
      rest = place - lower;
    return stops[lower].map((part, channel) => Math.round(part + rest * (stops[lower + 1][channel] - part)));
  }

  /* What the colours of a matrix mean. */
  /** @type {Page["colourKey"]} */
  function colourKey() {
    const cells = [0, 25, 50, 75, 100].map((percent) => {
      const cell = Board.make("span", {}, String(percent));
      shade(cell, percent);
      return cell;
    });
    return Board.make(
      "p",
      { class: "colours quiet" },
      "Colours, of every matrix alike: ",
      ...cells,
      " percent",
    );
  }

  /** @type {Page["shade"]} */
  function shade(cell, percent) {
    const mix = colour(percent / 100);
    cell.style.backgroundColor = `rgb(${mix.join(",")})`;
    cell.style.color = luminance(mix) > 0.179 ? "#000" : "#fff"; // where black and white stand out alike
  }

  /* Relative luminance, as the Web Content Accessibility Guidelines define it. */
  /** @param {number[]} parts */
  function luminance(parts) {
    const [red, green, blue] = parts
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  Object.assign(Board, { svg, interval, scale, curve, shade, colourKey });
})();
