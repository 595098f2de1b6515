"use strict";
/* Which view is shown, and light or dark. */
(() => {
  const { state, views, make } = Board;
  // Views that can be asked for means over folds; others show intervals and ranks, which are of all utterances.
  const OVER_FOLDS = ["corpora", "size"];
  /** @type {(id: string) => HTMLElement} */
  const place = (id) => {
    const element = document.getElementById(id);
    if (!element) throw new Error(`Expected an element with the id ${id} in the page; see page.html.`);
    return element;
  };

  /* Boxes to tick stand behind all that is chosen from a list. */
  const inOrder = (/** @type {HTMLElement[]} */ filters) =>
    ["field", "tick", "chooser"].flatMap((kind) => filters.filter((one) => one.classList.contains(kind)));

  function draw() {
    if (!Object.hasOwn(views, state.view)) state.view = "corpora";
    if (!OVER_FOLDS.includes(state.view)) state.over = "";
    const view = views[state.view][1]();
    document.title = `${view.heading} · EmoBox leaderboard`;
    place("heading").textContent = view.heading;
    place("protocol").textContent = view.protocol;
    place("status").textContent = view.status;
    place("links").replaceChildren(...(view.links ?? []));
    place("filters").replaceChildren(...inOrder(view.filters));
    place("filterbox").hidden = !view.filters.length;
    place("content").replaceChildren(
      make("div", { id: "before" }),
      make("div", { id: "holder" }),
      make("div", { id: "after" }),
    );
    if (view.before) place("before").append(view.before);
    if (view.after) place("after").append(view.after);
    Board.table(view.table);
    place("views").replaceChildren(
      ...Object.entries(views).map(([name, [title]]) =>
        make(
          "li",
          {},
          make(
            "a",
            {
              href: Board.link({ view: name, ...Board.anew }),
              "aria-current": name === state.view ? "page" : false,
            },
            title,
          ),
        ),
      ),
    );
  }

  Board.mount = (element) => place("holder").replaceChildren(element);

  /* After a control has changed: the same view again, with the focus where it was, as a step that Back takes back. */
  Board.show = (changes, focus) => {
    Board.keep({ ...changes, page: "1" }, true);
    draw();
    if (focus) document.getElementById(focus)?.focus(); // the control may be gone
  };

  /** @param {string} shown */
  function paint(shown) {
    const dark = shown === "dark";
    document.documentElement.dataset.theme = shown;
    document.documentElement.classList.toggle("dark", dark);
    place("theme").textContent = dark ? "Light" : "Dark";
    place("theme").setAttribute("aria-label", `Change to ${dark ? "light" : "dark"} colours`);
  }

  /* Storage may be refused, in a frame or for a file: then the choice lasts as long as the page. */
  const storage = {
    get() {
      try {
        return localStorage.getItem("theme");
      } catch {
        return null;
      }
    },
    set(/** @type {string} */ value) {
      try {
        localStorage.setItem("theme", value);
      } catch {
        /* as said */
      }
    },
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = storage.get();
  const theme = () => (chosen === "dark" || chosen === "light" ? chosen : system.matches ? "dark" : "light");
  system.addEventListener("change", () => paint(theme()));
  place("theme").addEventListener("click", () => {
    chosen = theme() === "dark" ? "light" : "dark";
    storage.set(chosen);
    paint(chosen);
  });

  place("filters").addEventListener("submit", (event) => event.preventDefault());
  // The skip link is about the page, not a view.
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    place("main").focus();
  });
  window.addEventListener("hashchange", () => {
    Board.read();
    draw();
    Board.tell();
  });
  // On a phone the table comes first.
  place("filterbox").toggleAttribute("open", !matchMedia("(max-width: 640px)").matches);
  paint(theme());
  Board.read();
  draw();
  // What few ask for is read while nobody waits.
  const idle = window.requestIdleCallback ?? setTimeout;
  setTimeout(() => idle(() => Board.readLater()), 1000);
})();
