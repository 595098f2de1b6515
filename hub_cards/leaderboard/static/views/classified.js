"use strict";
/* The view of classifiers that were used as they are: nothing was trained here, so they are in no other table. */
(() => {
  const { data, state } = Board;

  /** @returns {View} */
  function classified() {
    const rows = data.classified.filter(({ seen }) => state.unseen !== "yes" || !Board.isSeen(seen));
    /** @type {(corpus: number) => string} */
    const corpus = (number) => Board.shortened(data.corpora[number].title);
    /** @type {Column<Classified>[]} */
    const columns = [
      { key: "model", title: "Classifier", value: ({ name }) => Board.shortened(name) },
      { key: "corpus", title: "Corpus", value: (row) => corpus(row.corpus) },
      { key: "folds", title: "Test parts of", value: ({ kind }) => `${kind} folds` },
      { key: "training", title: "Training", value: ({ training }) => training },
      {
        key: "ua",
        title: "UA",
        numeric: true,
        value: ({ ua }) => ua,
        show: (row) =>
          Board.make(
            "span",
            { title: Board.markWords(row) || false },
            Board.number(row.ua) + Board.marks(row),
          ),
      },
      { key: "low", title: "Low", numeric: true, decimals: 1, value: ({ ua_low }) => ua_low },
      { key: "high", title: "High", numeric: true, decimals: 1, value: ({ ua_high }) => ua_high },
      { key: "note", title: "On the interval", value: ({ interval_note }) => interval_note },
      { key: "wa", title: "WA", numeric: true, value: ({ wa }) => wa },
      { key: "f1", title: "F1", numeric: true, value: ({ f1 }) => f1 },
      {
        key: "outside",
        title: "Outside",
        numeric: true,
        decimals: 1,
        help: "answers that are none of the corpus's labels; they count as wrong",
        value: ({ outside }) => outside,
      },
      { key: "tested", title: "Tested", numeric: true, decimals: 0, value: ({ tested }) => tested },
      { key: "seen", title: "Seen in training", value: (row) => Board.seenWords(row) },
      { key: "remark", title: "Remark", value: ({ remark }) => (remark ? `† ${remark}` : "") },
    ];
    return {
      heading: "Classifiers as they are",
      protocol: "Nothing was trained here: each was asked about every tested utterance once.",
      filters: [Board.unseenFilter()],
      status: [
        "Never to be ranked with the other tables, whose heads were trained on the corpus.",
        "What a classifier was fine-tuned on differs from one to the next, so there is no rank here either.",
      ].join(" "),
      table: {
        caption: "Classifiers as they are, percent",
        columns,
        rows,
        sort: "corpus -ua",
        file: "emobox-classifiers",
      },
    };
  }

  if (data.classified.length) Board.views.classified = ["Classifiers", classified];
})();
