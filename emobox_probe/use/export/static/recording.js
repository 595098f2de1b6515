"use strict";
/* From a file to what the model takes: 16 kHz mono samples of 16 bits, as they were in training. */
window.Recording = (() => {
  const RATE = 16000;
  // Beyond this, floats were meant as integers; as in emobox_datasets.audio_files.statistics.
  const INTEGER_PEAK = 16.0;
  /** What people can do where there is no microphone, by the name of the browser's error. @type {Record<string, string>} */
  const NO_MICROPHONE = {
    NotAllowedError:
      "it may not use it. Allow it for this page, by the sign beside its address or in the browser's settings, and press Record again",
    NotFoundError: "there is none. Connect one and press Record again, or choose a file",
    NotReadableError: "another program uses it. Close that and press Record again",
  };

  /**
   * A WAV file that is at 16 kHz already, read to the last bit; browsers scale positive samples a little otherwise.
   * @param {ArrayBuffer} buffer
   * @returns {Float32Array | null} null for any other file
   */
  function readWav(buffer) {
    const view = new DataView(buffer);
    const name = (/** @type {number} */ at) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
    if (buffer.byteLength < 44 || name(0) !== "RIFF" || name(8) !== "WAVE") return null;
    let format = null;
    for (let at = 12; at + 8 <= buffer.byteLength;) {
      const size = view.getUint32(at + 4, true);
      if (name(at) === "fmt ") {
        format = {
          kind: view.getUint16(at + 8, true),
          channels: view.getUint16(at + 10, true),
          rate: view.getUint32(at + 12, true),
          bits: view.getUint16(at + 22, true),
        };
      }
      if (name(at) === "data") {
        if (!format || format.kind !== 1 || format.bits !== 16 || format.rate !== RATE || !format.channels)
          return null;
        const length = Math.min(size, buffer.byteLength - at - 8);
        return fromIntegers(view, at + 8, Math.floor(length / 2 / format.channels), format.channels);
      }
      at += 8 + size + (size % 2);
    }
    return null;
  }

  /**
   * @param {DataView} view
   * @param {number} start
   * @param {number} count
   * @param {number} channels
   */
  function fromIntegers(view, start, count, channels) {
    const samples = new Float32Array(count);
    for (let place = 0; place < count; place += 1) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel += 1)
        sum += view.getInt16(start + 2 * (place * channels + channel), true) / 32768;
      samples[place] = sum / channels;
    }
    return samples;
  }

  /**
   * Any file that the browser decodes, resampled and mixed down.
   * @param {ArrayBuffer} buffer
   */
  async function decode(buffer) {
    const audio = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(buffer);
    const samples = new Float32Array(audio.length);
    for (let channel = 0; channel < audio.numberOfChannels; channel += 1)
      audio.getChannelData(channel).forEach((value, place) => {
        samples[place] += value / audio.numberOfChannels;
      });
    return samples;
  }

  /**
   * @param {Blob} file
   * @returns {Promise<Float32Array>}
   */
  async function read(file) {
    const buffer = await file.arrayBuffer();
    const samples = readWav(buffer) ?? (await decode(buffer));
    if (!samples.length) throw new Error("it holds no samples; choose another file");
    if (!samples.every(Number.isFinite))
      throw new Error("some of its samples are NaN or infinite; replace it with the original");
    if (samples.some((value) => Math.abs(value) > INTEGER_PEAK))
      throw new Error(
        "its samples are integers written as floats; divide them by full scale and write it again",
      );
    return samples.map((value) => Math.min(Math.max(Math.round(value * 32768), -32768), 32767) / 32768);
  }

  async function openMicrophone() {
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      const { name, message } = /** @type {DOMException} */ (error);
      const reason = NO_MICROPHONE[name] ?? `the browser says: ${message}. Choose a file instead`;
      throw new Error(`Expected a microphone for this page, but ${reason}.`, { cause: error });
    }
  }

  /**
   * Record from the microphone until `stop` of what is returned is called.
   * @returns {Promise<{ stop: () => Promise<Blob> }>}
   */
  async function record() {
    const microphone = await openMicrophone();
    const recorder = new MediaRecorder(microphone);
    /** @type {Blob[]} */
    const parts = [];
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.start();
    return {
      stop: () =>
        new Promise((done) => {
          recorder.addEventListener("stop", () => {
            microphone.getTracks().forEach((track) => track.stop());
            done(new Blob(parts, { type: recorder.mimeType }));
          });
          recorder.stop();
        }),
    };
  }

  return { RATE, read, record };
})();
