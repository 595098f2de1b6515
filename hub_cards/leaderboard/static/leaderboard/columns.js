"use strict";
/* Columns to choose: what is known of a model, whichever table its row is in. */
(() => {
  const { data, state } = Board;
  const { models } = data;

  /** @type {(model: Facts) => string} */
  function kind(model) {
    if (model.published) return "published figures";
    if (model.own) return "own encoder";
    return model.name.startsWith("builtin:") ? "built in" : "probed here";
  }

  /* The machine that most models were timed on, unless the link names one: speeds of two machines do not compare. */
  /** @type {Page["hardware"]} */
  function hardware() {
    const counts = new Map();
    for (const { hardware: name } of data.speed) counts.set(name, (counts.get(name) ?? 0) + 1);
    if (counts.has(state.hardware)) return state.hardware;
    return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0] ?? "";
  }
  /* The fastest of a model's runs on that machine. */
  /** @type {Page["speeds"]} */
  function speeds() {
    const rates = new Map();
    const machine = hardware();
    for (const { model, hardware: name, audio_hours, device_hours } of data.speed)
      if (name === machine && device_hours)
        rates.set(model, Math.max(rates.get(model) ?? 0, audio_hours / device_hours));
    return rates;
  }

  /** @type {Page["modelColumns"]} */
  function modelColumns(modelOf) {
    /** @type {Map<number, number> | undefined} */
    let rates;
    /** @type {(name: "frame_rate" | "dimension") => (row: any) => number | null} */
    const fact = (name) => (row) => {
      const model = models[modelOf(row)];
      return !model || model.published ? null : model[name];
    };
    return [
      {
        key: "parameters",
        title: "Million parameters",
        numeric: true,
        help: "of published models about so many, as the paper says",
        value: (row) => (models[modelOf(row)] ? models[modelOf(row)].parameters / 1e6 : null),
      },
      { key: "rate", title: "Frames a second", numeric: true, value: fact("frame_rate") },
      { key: "dimension", title: "Dimensions", numeric: true, decimals: 0, value: fact("dimension") },
      {
        key: "speed",
        title: "Audio hours an hour",
        numeric: true,
        help: hardware()
          ? `hours of audio through the encoder per hour of ${hardware()}`
          : "no speed was recorded",
        value: (row) => (rates ??= speeds()).get(modelOf(row)) ?? null,
      },
      {
        key: "kind",
        title: "Kind",
        help: "classifiers as they are, such as zero-shot ones, are in a view of their own",
        value: (row) => (models[modelOf(row)] ? kind(models[modelOf(row)]) : ""),
      },
    ];
  }

  Object.assign(Board, { modelColumns, hardware, speeds });
})();
