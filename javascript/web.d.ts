/** What the page of `emobox export --to web` is given: see emobox_probe/records/export_record.py. */
interface ExportRecord {
  title: string;
  labels: string[];
  corpora: { name: string; licence: string }[];
  encoder: { shortest_samples: number };
  expected: {
    protocol: string;
    scores: { ua: number };
    interval: { ua: [number, number] | null } | null;
    recall: Record<string, number | null>;
    remarks: string[];
    new_speakers: boolean | null;
  };
}

interface Window {
  Recording: {
    RATE: number;
    read: (file: Blob) => Promise<Float32Array>;
    record: () => Promise<{ stop: () => Promise<Blob> }>;
  };
}
declare const Recording: Window["Recording"];

/** Of onnxruntime-web, what is used. */
declare const ort: {
  env: { wasm: { wasmPaths: string; numThreads: number } };
  InferenceSession: { create: (model: Uint8Array, options: object) => Promise<any> };
  Tensor: new (type: string, data: Float32Array | BigInt64Array, shape: number[]) => object;
};
