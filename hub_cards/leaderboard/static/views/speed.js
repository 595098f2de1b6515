"use strict";
/* The view of speed, by machine. */
(() => {
  const { data } = Board;

  /** @returns {View} */
  function speed() {
    const rows = data.speed.map((row) => ({
      ...row,
      rate: row.device_hours ? row.audio_hours / row.device_hours : null,
    }));
    /** @type {Column<Speed & { rate: number | null }>[]} */
    const columns = [
      {
        key: "model",
        title: "Model",
        value: ({ model }) => Board.modelText(model),
        show: ({ model }) => Board.modelCell(model),
      },
      {
        key: "rate",
        title: "Audio hours per device hour",
        numeric: true,
        value: ({ rate }) => rate,
      },
      { key: "hardware", title: "Hardware", value: ({ hardware }) => hardware },
      { key: "device", title: "Device", value: ({ device }) => device },
      {
        key: "processes",
        title: "Processes",
        numeric: true,
        decimals: 0,
        value: ({ processes }) => processes,
      },
      { key: "corpora", title: "Corpora", numeric: true, decimals: 0, value: (row) => row.corpora },
      { key: "audio", title: "Audio hours", numeric: true, value: (row) => row.audio_hours },
      { key: "hours", title: "Device hours", numeric: true, decimals: 3, value: (row) => row.device_hours },
      {
        key: "parameters",
        title: "Million parameters",
        numeric: true,
        value: ({ model }) => {
          const facts = data.models[model];
          return facts.published ? null : facts.parameters / 1e6;
        },
      },
    ];
    return {
      heading: "Speed",
      protocol: "Features are extracted once for all protocols: a corpus counts once a model and machine.",
      filters: [],
      status: "Hours of audio through the encoder per hour of one device. Compare rows of the same hardware.",
      table: { caption: "Speed of feature extraction", columns, rows, sort: "-rate", file: "emobox-speed" },
    };
  }

  Board.views.speed = ["Speed", speed];
})();
