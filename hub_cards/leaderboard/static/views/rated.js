"use strict";
/* The view of heads that learned what raters said: no score of theirs is a UA, so they are in no other table. */
(() => {
  const { data, state } = Board;
  const DECIMALS = 3;

  /** @returns {View} */
  function rated() {
    const rows = data.rated.filter(({ seen }) => state.unseen !== "yes" || !Board.isSeen(seen));
    /** @type {(corpus: number) => string} */
    const corpus = (number) => Board.shortened(data.corpora[number].title);
    /** @type {Column<Rated>[]} */
    const columns = [
      { key: "model", title: "Model", value: ({ name }) => Board.shortened(name) },
      { key: "corpus", title: "Corpus", value: (row) => corpus(row.corpus) },
      { key: "protocol", title: "Protocol", value: ({ protocol }) => protocol },
      { key: "score", title: "Score", value: ({ score }) => score },
      {
        key: "better",
        title: "Better",
        help: "which way a score is the better",
        value: ({ better }) => better,
      },
      { key: "value", title: "Value", numeric: true, decimals: DECIMALS, value: ({ value }) => value },
      { key: "low", title: "Low", numeric: true, decimals: DECIMALS, value: ({ low }) => low },
      { key: "high", title: "High", numeric: true, decimals: DECIMALS, value: ({ high }) => high },
      {
        key: "constant",
        title: "Constant",
        numeric: true,
        decimals: DECIMALS,
        help: "what always giving the mean over what was trained on would have scored",
        value: ({ constant }) => constant,
      },
      { key: "resampled", title: "Resampled", value: ({ resampled }) => resampled },
      {
        key: "unrated",
        title: "Unrated",
        numeric: true,
        decimals: 0,
        help: "utterances of the folds without raters, left out",
        value: ({ unrated }) => unrated,
      },
      { key: "seen", title: "Seen in training", value: (row) => Board.seenWords(row) },
      { key: "remark", title: "Remark", value: ({ remark }) => (remark ? `† ${remark}` : "") },
    ];
    return {
      heading: "What raters said",
      protocol: "Heads learned the raters' distribution over labels, or what they gave on scales.",
      filters: [Board.unseenFilter()],
      status: [
        "Never to be ranked with the other tables, which are of labels.",
        "Scores are in units of their own and have no rank.",
      ].join(" "),
      table: {
        caption: "Scores on what raters said",
        columns,
        rows,
        sort: "corpus score value",
        file: "emobox-raters",
      },
    };
  }

  if (data.rated.length) Board.views.rated = ["Raters", rated];
})();
