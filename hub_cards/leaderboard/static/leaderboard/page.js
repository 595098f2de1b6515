"use strict";
/* Elements, and the controls above a table. Text reaches the page as text nodes only, never as markup. */
(() => {
  /** @type {Page["make"]} */
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === false || value === null || value === undefined) continue;
      element.setAttribute(key, value === true ? "" : String(value));
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  /* options: [value, text] pairs; the first is taken where the link names none of them. */
  /** @type {Page["select"]} */
  function select(name, label, options) {
    const { state } = Board;
    if (!options.some(([value]) => value === state[name])) state[name] = options.length ? options[0][0] : "";
    const control = make("select", { id: `by-${name}`, name });
    for (const [value, text] of options) {
      control.append(make("option", { value, selected: value === state[name] }, text));
    }
    control.addEventListener("change", () => Board.show({ [name]: control.value }, control.id));
    return make("div", { class: "field" }, make("label", { for: control.id }, label), control);
  }

  /** @type {Page["checkbox"]} */
  function checkbox(name, label) {
    const control = make("input", {
      type: "checkbox",
      id: `by-${name}`,
      checked: Board.state[name] === "yes",
    });
    control.addEventListener("change", () =>
      Board.show({ [name]: control.checked ? "yes" : "no" }, control.id),
    );
    return make("div", { class: "tick" }, control, " ", make("label", { for: control.id }, label));
  }

  const languageNames = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });
  /** @type {Page["language"]} */
  function language(code) {
    if (code === "zxx") return "no language";
    if (code === "und") return "not known";
    try {
      return languageNames.of(code) ?? code;
    } catch {
      return code;
    }
  }

  /** @type {Page["number"]} */
  function number(value, decimals = 1) {
    return value === null || value === undefined ? "–" : value.toFixed(decimals);
  }

  /** @type {Page["signed"]} */
  const signed = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value).toFixed(1);
    return `${Number(size) ? (value < 0 ? "−" : "+") : ""}${size}`;
  };

  /* The name of a model, as a link to all of its results. */
  /** @type {Page["modelCell"]} */
  function modelCell(position) {
    const model = Board.data.models[position];
    const cell = make(
      "span",
      { class: "model" },
      make("a", { href: modelLink(model) }, shortened(modelTitle(model))),
    );
    if (model.published) cell.append(" ", make("span", { class: "badge" }, "published"));
    if (model.own) cell.append(" ", make("span", { class: "badge" }, "own encoder"));
    return cell;
  }
  /** @type {Page["modelTitle"]} */
  const modelTitle = (model) => (model.published ? model.paper_name : model.title);
  const modelLink = (/** @type {Facts} */ model) =>
    Board.link({ view: "model", model: model.key, corpus: "", ...Board.anew });
  /** @type {Page["modelText"]} */
  const modelText = (position) => {
    const model = Board.data.models[position];
    return modelTitle(model) + (model.published ? " (published)" : "");
  };

  /** @type {Page["shortened"]} */
  function shortened(text) {
    const longest = 90;
    return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  }

  /* What a link to another view leaves behind. */
  const anew = { sort: "", q: "", page: "1" };

  /* Out of the page, into a window of its own: a Space is a frame in which other pages refuse to be shown. */
  /** @type {Page["outward"]} */
  const outward = (url, text) => make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text);

  /* Columns that are there only where they are chosen; the link names them. */
  /** @type {Page["chooser"]} */
  function chooser(columns) {
    const chosen = Board.state.with.split(" ").filter(Boolean);
    const boxes = columns.map(({ key, title, help }) => {
      const box = make("input", { type: "checkbox", id: `with-${key}`, checked: chosen.includes(key) });
      box.addEventListener("change", () => {
        const others = chosen.filter((one) => one !== key);
        Board.show({ with: (box.checked ? [...others, key] : others).join(" ") }, box.id);
      });
      return make("div", { class: "tick", title: help }, box, " ", make("label", { for: box.id }, title));
    });
    const open = Boolean(document.activeElement?.closest(".chooser"));
    return make(
      "details",
      { class: "chooser", open },
      make("summary", {}, "More columns"),
      make("div", { role: "group", "aria-label": "More columns" }, ...boxes),
    );
  }
  /** @type {Page["chosenColumns"]} */
  const chosenColumns = (columns) => {
    const chosen = Board.state.with.split(" ");
    return columns.filter(({ key }) => chosen.includes(key));
  };

  Object.assign(Board, {
    anew,
    outward,
    chooser,
    chosenColumns,
    make,
    select,
    checkbox,
    language,
    number,
    signed,
    modelCell,
    modelText,
    modelTitle,
    shortened,
  });
})();
