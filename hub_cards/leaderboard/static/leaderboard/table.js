"use strict";
/* One table: sorted, searched and paged by DataTables; cells are made as nodes, and what is shown can be downloaded. */
(() => {
  const { make, state } = Board;

  /* Missing values stand last, whichever way a column is sorted. */
  const missing = (/** @type {any} */ value) => value === null || value === undefined || value === "";
  /** @type {(direction: number) => (one: any, other: any) => number} */
  const order = (direction) => (one, other) => {
    if (missing(one) || missing(other)) return Number(missing(one)) - Number(missing(other));
    return direction * (one < other ? -1 : one > other ? 1 : 0);
  };
  DataTable.type("score", { className: "number", order: { asc: order(1), desc: order(-1) } });
  DataTable.type("words", { className: "words", order: { asc: order(1), desc: order(-1) } });
  DataTable.ext.errMode = "throw";

  /* DataTables takes text that it searches for markup: so none of it may look like any. */
  const plain = (/** @type {any} */ words) =>
    String(words).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  /* columns: {key, title, numeric, value(row), show(row)?, csv?}; the first one names the row; `csv` is what stands in
     its place in a downloaded table. */
  const lengths = ["25", "50", "200", "all"];
  /** @type {Page["table"]} */
  function table({ caption, columns: listed, rows, sort, file }) {
    // Some columns are there for the few tables that have something to say in them.
    const columns = listed.filter((column) => !column.optional || rows.some((row) => column.value(row)));
    const head = make(
      "tr",
      {},
      ...columns.map(({ title, help, below }) =>
        make("th", { scope: "col", title: help }, title, below ? make("small", {}, below) : null),
      ),
    );
    const body = make(
      "table",
      { id: "table" },
      make("caption", {}, make("span", {}, caption)),
      make("thead", {}, head),
      make("tbody"),
    );
    const region = make(
      "div",
      { class: "region", role: "region", tabindex: "0", "aria-label": `${caption}, scrollable` },
      body,
    );
    const download = make("button", { type: "button", id: "download" }, "Download CSV");
    const holder = make("div", { class: "board" }, region);
    Board.mount(holder);

    const pageLength = lengths.includes(state.rows) && state.rows !== "all" ? Number(state.rows) : 50;
    const all = state.rows === "all";
    const made = new DataTable(body, {
      data: rows,
      autoWidth: false,
      deferRender: true,
      pageLength: all ? -1 : pageLength,
      displayStart: all ? 0 : pageLength * (Math.max(1, Math.floor(Number(state.page)) || 1) - 1),
      lengthMenu: [[25, 50, 200, -1], lengths],
      order: ordering(columns, sort),
      search: { search: state.q },
      layout: {
        topStart: "search",
        topEnd: { div: { className: "tools" } },
        bottomStart: "info",
        bottomEnd: rows.length > Math.min(pageLength, 50) ? ["pageLength", "paging"] : null,
      },
      language: {
        search: "Search ",
        emptyTable: "No results with these filters.",
        zeroRecords: "Nothing matches the search.",
      },
      columns: columns.map(definition),
    });
    holder.querySelector(".tools")?.append(download);
    // The scrolling region is the table alone, so that search and paging stay in sight.
    const container = made.table().container();
    region.replaceWith(container);
    body.replaceWith(region);
    region.append(body);

    made.on("search", () => {
      if (made.search() !== state.q) Board.keep({ q: made.search(), page: "1" });
    });
    made.on("order", () => {
      const [first] = made.order();
      if (first) Board.keep({ sort: (first[1] === "desc" ? "-" : "") + columns[first[0]].key, page: "1" });
    });
    made.on("page", () => {
      if (String(made.page() + 1) !== state.page) Board.keep({ page: String(made.page() + 1) });
    });
    made.on("length", (/** @type {any} */ _, /** @type {any} */ __, /** @type {number} */ length) =>
      Board.keep({ rows: length < 0 ? "all" : String(length), page: "1" }),
    );
    // A button answers to the space bar as well as to Enter.
    body.tHead?.addEventListener("keydown", (event) => {
      const { target } = event;
      if (event.key === " " && target instanceof HTMLElement && target.getAttribute("role") === "button") {
        event.preventDefault();
        target.click();
      }
    });
    download.addEventListener("click", () =>
      save(`${file}.csv`, csv(columns, made.rows({ order: "applied", search: "applied" }).data().toArray())),
    );
    return made;
  }

  /** @type {(column: Column, position: number) => object} */
  function definition(column, position) {
    return {
      data: null,
      type: column.numeric ? "score" : "words",
      cellType: position === 0 ? "th" : "td",
      orderable: column.orderable !== false,
      orderSequence: column.numeric && !column.ascending ? ["desc", "asc"] : ["asc", "desc"],
      searchable: !column.numeric && column.orderable !== false,
      createdCell:
        position === 0 ? (/** @type {Element} */ cell) => cell.setAttribute("scope", "row") : undefined,
      render: (/** @type {any} */ _, /** @type {string} */ kind, /** @type {any} */ row) => {
        if (kind === "display") return column.show ? column.show(row) : text(column, row);
        const value = column.value(row);
        if (kind === "filter") return plain(value ?? "");
        return column.numeric ? value : String(value ?? "").toLowerCase();
      },
    };
  }

  /** @type {(column: Column, row: any) => HTMLElement | Text} */
  function text(column, row) {
    const value = column.value(row);
    if (column.numeric)
      return document.createTextNode(Board.number(/** @type {Score} */ (value), column.decimals ?? 1));
    const words = String(value ?? "");
    const shown = Board.shortened(words);
    return make("span", { class: words.length > 40 && "long", title: shown !== words && words }, shown);
  }

  /** @type {(columns: Column[], fallback: string) => [number, string][]} */
  function ordering(columns, fallback) {
    /** @type {(wanted: string) => [number, string]} */
    const find = (wanted) => [
      columns.findIndex((column) => column.key === wanted.replace(/^-/, "")),
      wanted.startsWith("-") ? "desc" : "asc",
    ];
    const linked = find(state.sort);
    // Keys may have spaces in them, those of fallbacks have none.
    return linked[0] >= 0 ? [linked] : fallback.split(" ").map(find);
  }

  /** @type {(columns: Column[], rows: any[]) => string} */
  function csv(columns, rows) {
    const kept = columns.flatMap((column) => column.csv ?? [column]);
    const lines = [kept.map((column) => field(column.name ?? column.title))];
    for (const row of rows) lines.push(kept.map((column) => field(column.value(row))));
    return lines.map((line) => line.join(",")).join("\r\n") + "\r\n";
  }

  /** @param {any} value */
  function field(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    // A spreadsheet would run text that begins so as a formula.
    const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(harmless) ? `"${harmless.replace(/"/g, '""')}"` : harmless;
  }

  /** @type {(name: string, content: string) => void} */
  function save(name, content) {
    const address = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
    const anchor = make("a", { href: address, download: name });
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  Board.table = table;
})();
