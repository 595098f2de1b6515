"use strict";
/* The model is loaded, recordings are opened or made, and what the model says of each is shown. */
(() => {
  // Samples at 16 kHz of the shortest window that can be asked for.
  const SHORTEST = 1600;

  /** @type {(id: string) => any} */
  const place = (id) => {
    const element = document.getElementById(id);
    if (!element) throw new Error(`Expected an element with the id ${id} in the page; see index.html.`);
    return element;
  };
  /** @type {ExportRecord} */
  let about;
  /** @type {any} */
  let session;
  /** @type {{ stop: () => Promise<Blob> } | null} */
  let recording = null;
  let recorded = 0;

  /**
   * @param {string} name
   * @param {Record<string, string>} [properties]
   * @param {...(Node | string)} children
   */
  function make(name, properties = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  /** @param {string} text */
  function say(text) {
    place("status").textContent = text;
  }

  const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;

  /** A file of this folder, with its progress shown. @param {string} name */
  async function fetched(name) {
    const answer = await fetch(name);
    if (!answer.ok || !answer.body)
      throw new Error(`Expected ${name} beside this page, but it is not there.`);
    const total = Number(answer.headers.get("Content-Length")) || 0;
    const reader = answer.body.getReader();
    /** @type {BlobPart[]} */
    const parts = [];
    let size = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value);
      size += next.value.length;
      if (total) place("progress").value = size / total;
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  async function load() {
    about = JSON.parse(new TextDecoder().decode(await fetched("emobox.json")));
    showExpected();
    ort.env.wasm.wasmPaths = "./";
    ort.env.wasm.numThreads = 1;
    session = await ort.InferenceSession.create(await fetched("model.onnx"), {
      executionProviders: ["wasm"],
    });
    place("files").disabled = false;
    place("record").disabled = !navigator.mediaDevices || !window.MediaRecorder;
    place("progress").value = 0;
    say("Ready: choose recordings, or record one.");
  }

  function showExpected() {
    const { expected, title, corpora } = about;
    const ua = expected.interval?.ua;
    const between = ua ? ` (95 % interval ${percent(ua[0])} to ${percent(ua[1])})` : "";
    place("expected").textContent =
      `UA ${percent(expected.scores.ua)}${between}, the mean recall over labels, under protocol ${expected.protocol}. ` +
      `It is of recordings that the model was not trained on, ${whom(expected.new_speakers)}.`;
    const worst = Object.entries(expected.recall)
      .filter(([, share]) => share !== null)
      .map(([label, share]) => `${label} ${percent(Number(share))}`);
    place("remarks").replaceChildren(
      make("li", {}, `Recall by label: ${worst.join(", ")}.`),
      ...expected.remarks.map((/** @type {string} */ text) => make("li", {}, text)),
    );
    const trained = corpora.map(({ name, licence }) => `${name} (licence: ${licence})`).join(", ");
    place("about").textContent = `${title}. Trained on ${trained}.`;
  }

  /** Whose recordings were tested; the card says the same. @param {boolean | null} areNew */
  function whom(areNew) {
    if (areNew) return "of speakers that heads had not heard";
    const known = areNew === false ? "which are" : "which may be";
    return `${known} of speakers that were heard in training: expect less of new ones`;
  }

  /** Why little or nothing can be said of a recording, as `emobox predict` says it. @param {Float32Array} samples */
  function remarkOn(samples) {
    if (samples.every((value) => value === samples[0])) return "silent: its label says nothing";
    if (samples.length < about.encoder.shortest_samples)
      return "shorter than the encoder takes, and lengthened with zeros: its label says little";
    return samples.length <= SHORTEST ? "no longer than 0.1 s: its label says little" : "";
  }

  /**
   * @param {string} name
   * @param {Float32Array} samples
   */
  async function classify(name, samples) {
    const answer = await session.run({
      waveform: new ort.Tensor("float32", samples, [1, samples.length]),
      length: new ort.Tensor("int64", BigInt64Array.of(BigInt(samples.length)), [1]),
    });
    const remark = remarkOn(samples);
    show(
      remark ? `${name} (${remark})` : name,
      name,
      [...answer.probabilities.data],
      [...answer.logits.data],
    );
  }

  /**
   * @param {string} caption
   * @param {string} name
   * @param {number[]} shares
   * @param {number[]} logits
   */
  function show(caption, name, shares, logits) {
    const best = about.labels[shares.indexOf(Math.max(...shares))];
    const rows = about.labels
      .map((label, number) => ({ label, share: shares[number] }))
      .sort((one, other) => other.share - one.share)
      .map(({ label, share }) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, label),
          make("td", { class: "share" }, percent(share)),
          make("td", { class: "bar" }, make("meter", { value: String(share), "aria-label": `${label}` })),
        ),
      );
    const attributes = { "data-file": name, "data-label": best, "data-logits": JSON.stringify(logits) };
    place("results").prepend(
      make(
        "article",
        attributes,
        make("h2", {}, best),
        make("p", { class: "quiet" }, caption),
        make("table", {}, make("tbody", {}, ...rows)),
      ),
    );
  }

  /** @param {{ name: string, content: Blob }[]} recordings */
  async function classifyAll(recordings) {
    place("files").disabled = true;
    /** @type {string[]} */
    const unreadable = [];
    for (const [number, { name, content }] of recordings.entries()) {
      say(`Listening to ${name} (${number + 1} of ${recordings.length})…`);
      place("progress").value = number / recordings.length;
      try {
        await classify(name, await Recording.read(content));
      } catch (error) {
        unreadable.push(`${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    place("progress").value = 1;
    place("files").disabled = false;
    const done = recordings.length - unreadable.length;
    const last = done === 1 ? `: ${place("results").firstElementChild?.dataset.label}` : "";
    say(unreadable.length ? `${done} done. Not read: ${unreadable.join("; ")}` : `${done} done${last}`);
  }

  async function record() {
    if (recording) {
      const content = await recording.stop();
      recording = null;
      place("record").textContent = "Record";
      recorded += 1;
      await classifyAll([{ name: `Recording ${recorded}`, content }]);
      return;
    }
    recording = await Recording.record();
    place("record").textContent = "Stop";
    say("Recording…");
  }

  const failed = (/** @type {unknown} */ error) =>
    say(error instanceof Error ? error.message : String(error));

  function setTheme(/** @type {boolean} */ dark) {
    document.documentElement.classList.toggle("dark", dark);
    place("theme").textContent = dark ? "Light" : "Dark";
  }

  place("theme").addEventListener("click", () =>
    setTheme(!document.documentElement.classList.contains("dark")),
  );
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches);
  place("choose").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  place("files").addEventListener("change", () => {
    const chosen = [...place("files").files].map((file) => ({ name: file.name, content: file }));
    classifyAll(chosen).catch(failed);
  });
  place("record").addEventListener("click", () => record().catch(failed));
  load().catch(failed);
})();
