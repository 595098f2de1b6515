/* What hub_cards/leaderboard/data.py writes into the page, and what the scripts share as `Board`. */

type Metric = "ua" | "wa" | "f1";
type Score = number | null | undefined;
type Child = Node | string | null | undefined;
type Attribute = string | number | boolean | null | undefined;

interface Named {
  key: string;
  name: string;
  title: string;
  /** Of the measured models of one name, that with the newest record. */
  newest?: boolean;
}

interface Published extends Named {
  published: true;
  own?: undefined;
  paper_name: string;
  /** About so many, as the paper says. */
  parameters: number;
  url: string | null;
}

interface Measured extends Named {
  published: false;
  revision: string | null;
  weights: string | null;
  /** Whether it is an encoder of the user's own, which the Hub does not have. */
  own: boolean;
  architecture: string;
  parameters: number;
  dimension: number;
  frame_rate: number;
  layer: string;
  dtype: string;
  /** On the Hub, where it came from there. */
  url: string | null;
}

type Facts = Published | Measured;

interface Corpus {
  name: string;
  title: string;
  languages: string[];
  source: string;
  utterances: number;
  hours: number;
  labels: string[];
  benchmark: boolean;
  speakers: number;
  /** Whether its released folds keep the speakers of train and test apart. */
  disjoint: boolean;
  licence: string;
  url: string | null;
}

/** What stands behind a score, and why. */
interface Markable {
  /** Of a published row, among scores of all utterances. */
  mean?: boolean;
  remark?: string;
  /** What a source says of the model's training on the corpus. */
  seen?: string | null;
  seen_source?: string | null;
}

interface Pair extends Markable, Partial<Record<string, any>> {
  source: string;
  target: string;
  overlap?: string[];
  interval_note?: string;
}

interface Matrix {
  model: number;
  protocol: string;
  setting: string;
  corpora: string[];
  pairs: Pair[];
  average: Partial<Record<string, number>>;
  remarks: string[];
  /** Where its record is in the dataset of results. */
  record?: string | null;
}

/** A classifier that was used as it is, on the test parts of one kind of folds. */
interface Classified extends Markable {
  name: string;
  corpus: number;
  kind: "released" | "strict";
  training: string;
  ua: number;
  wa: number;
  f1: number;
  ua_low?: number;
  ua_high?: number;
  interval_note: string;
  outside: number;
  tested: number;
}

/** A score of heads that learned what raters said, in its own units. */
interface Rated extends Markable {
  name: string;
  corpus: number;
  protocol: string;
  score: string;
  better: "higher" | "lower";
  value: number | null;
  low?: number;
  high?: number;
  constant: number | null;
  resampled: string;
  unrated: number;
}

/** Heads on perturbed audio: a row a model and perturbation. */
interface Perturbed {
  model: number;
  perturbation: string;
  ua?: number;
  change?: number;
  low?: number;
  high?: number;
  note?: string;
  unchanged?: number;
  /** Why it was not run. */
  reason?: string;
}

/** The stress tests of one corpus and protocol. */
interface Stress {
  corpus: string;
  protocol: string;
  /** Names and descriptions. */
  perturbations: [string, string][];
  rows: Perturbed[];
}

interface Speed {
  model: number;
  hardware: string;
  device: string;
  processes: number;
  corpora: number;
  audio_hours: number;
  device_hours: number;
}

/** Shared ranks over several corpora, by place in `models`. */
interface Standing {
  protocol: number;
  corpora: number[];
  models: number[];
  ua: number[];
  wa: number[];
  f1: number[];
}

/** Standard errors of differences, of all pairs of `models`, the first with all behind it, then the second, … */
interface PairTable {
  protocol: number;
  corpus: number;
  models: number[];
  ua: number[];
  wa: number[];
  f1: number[];
}

interface Data {
  updated: string;
  /** The dataset of results on the Hub that has the records. */
  results_repo: string | null;
  models: Facts[];
  corpora: Corpus[];
  protocols: {
    id: string;
    name: string;
    summary: string;
    description: string;
    variant: string;
    /** Whether no speaker is in both train and test, whatever the released folds do. */
    apart: boolean;
  }[];
  /** By name of the column, a value a row. */
  results: Record<string, any[]>;
  /** Columns of `results` that are read when something asks for them. */
  later: string[];
  standings: Standing[];
  pairs: PairTable[];
  /** Of Student's t at 97.5 %, by degrees of freedom from 1. */
  quantiles: number[];
  cross: Matrix[];
  classified: Classified[];
  rated: Rated[];
  stress: Stress[];
  speed: Speed[];
  notes: string[];
}

interface State extends Record<string, string> {
  view: string;
  protocol: string;
  metric: Metric;
  /** Of all utterances together, or a mean over folds. */
  over: string;
  columns: string;
  scope: string;
  language: string;
  source: string;
  /** Sizes of corpora. */
  hours: string;
  disjoint: string;
  /** Millions of parameters that a model has fewer than. */
  size: string;
  published: string;
  unseen: string;
  /** Whether chance and people are shown beside models. */
  lines: string;
  corpus: string;
  model: string;
  /** Models that are compared. */
  a: string;
  b: string;
  c: string;
  /** What scores are drawn against. */
  x: string;
  hardware: string;
  /** Columns that were chosen, with spaces between. */
  with: string;
  setting: string;
  score: Metric;
  q: string;
  sort: string;
  page: string;
  rows: string;
}

interface Column<Row = any> {
  key: string;
  title: string;
  /** In a downloaded table, where it is not the title. */
  name?: string;
  help?: string;
  /** In small letters below the title. */
  below?: string;
  numeric?: boolean;
  ascending?: boolean;
  decimals?: number;
  orderable?: boolean;
  /** What stands in its place in a downloaded table. */
  csv?: Column[];
  /** Left out where no row has anything in it. */
  optional?: boolean;
  value(row: Row): string | Score;
  show?(row: Row): HTMLElement | SVGElement | Text;
}

interface Table<Row = any> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  /** Keys of columns, the first the most important, `-` before one that descends. */
  sort: string;
  /** Name of what is downloaded, without its ending. */
  file: string;
}

interface View {
  heading: string;
  protocol: string;
  filters: HTMLElement[];
  status: string;
  links?: HTMLElement[];
  before?: HTMLElement | null;
  after?: HTMLElement;
  table: Table;
}

/** From a corpus to its row of `results`. */
type Where = Map<number, number>;
/** Name, UA on validation, UA on test. */
type Layer = [string, number, number];

interface Page {
  data: Data;
  state: State;
  metrics: Record<Metric, string>;
  views: Record<string, [string, () => View]>;

  // state.js
  read(): void;
  link(changes: Partial<State>): string;
  /** What is shown becomes the link; a step is one that Back takes back. */
  keep(changes: Partial<State>, step?: boolean): void;
  tell(): void;
  /** Whether the link says it. */
  asks(name: string): boolean;
  /** All columns that were left for later. */
  readLater(): void;
  /** A column of `results`, read now if it was left for later. */
  columnOf(name: string): any[] | undefined;

  // page.js
  make<Name extends keyof HTMLElementTagNameMap>(
    name: Name,
    attributes?: Record<string, Attribute>,
    ...children: Child[]
  ): HTMLElementTagNameMap[Name];
  /** A control and its label; `options` are values with their texts. */
  select(name: string, label: string, options: [string, string][]): HTMLElement;
  checkbox(name: string, label: string): HTMLElement;
  language(code: string): string;
  number(value: Score, decimals?: number): string;
  signed(value: Score): string;
  /** What a link to another view leaves behind. */
  anew: Partial<State>;
  outward(url: string, text: string): HTMLElement;
  chooser(columns: Column[]): HTMLElement;
  chosenColumns(columns: Column[]): Column[];
  modelCell(position: number): HTMLElement;
  modelText(position: number): string;
  modelTitle(model: Facts): string;
  shortened(text: string): string;

  // results.js
  /** By protocol and model. */
  tables: Map<number, Map<number, Where>>;
  protocolFilter(): HTMLElement;
  metricFilter(): HTMLElement;
  overFilter(): HTMLElement;
  /** Name of the column of `results` that has the score of a model that is shown. */
  column(model: number): string;
  scoreOf(model: number, row: number | undefined): Score;
  scoreCell(model: number, row: number | undefined): HTMLElement | Text;
  boundsCell(bounds: [Score, Score] | null, signed?: boolean): string;
  boundsColumn(
    key: string,
    title: string,
    bounds: (row: any) => [Score, Score] | null,
    help: string,
    signed?: boolean,
  ): Column;
  position(): number;
  publishedHere(): boolean;
  protocolWords(): string;
  shownModels(): [number, Where][];
  shownRows(where: Where): Where;
  unseenFilter(): HTMLElement;
  isSeen(seen: string | null | undefined): boolean;
  seenOf(row: number | undefined): Markable;
  seenWords(seen: Markable): string;
  marks(score: Markable): string;
  markWords(score: Markable): string;
  markable(model: number, row: number | undefined): Markable;
  recordColumn(pathOf: (row: any) => string | null | undefined): Column[];
  /** Options of a control: values with their texts. */
  pairs(values: string[], text?: (value: string) => string): [string, string][];
  unique(values: string[]): string[];
  value(row: number | undefined, name: string): any;
  remark(row: number | undefined): string;

  // filters.js
  corpusFilters(): HTMLElement[];
  sizeFilter(): HTMLElement;
  smallEnough(model: Facts): boolean;
  chosenCorpora(rows: [number, Where][], shared?: boolean): number[];
  meanOf(model: number, where: Where, some: number[]): number | null;
  winRate(where: Where, some: number[]): number | null;
  halfWidth(parts: { error: number | null; clusters: number | null }[]): number | null;
  boundsOfMean(model: number, where: Where, some: number[]): [number, number] | null;
  unknownNames(names: ("a" | "b" | "c" | "model")[]): string[];
  protocolFor(names: ("a" | "b" | "c" | "model")[]): HTMLElement;
  noSuchModel(names: string[]): View;
  chanceOn(corpus: number): number | null;
  ranksOver(some: number[]): Map<number, number | null>;
  rankWords(some: number[]): string;

  // columns.js
  modelColumns(modelOf: (row: any) => number): Column[];
  hardware(): string;
  /** Hours of audio per hour of that machine, by model. */
  speeds(): Map<number, number>;

  // charts.js
  svg(name: string, attributes?: Record<string, string | number>, ...children: (Node | string)[]): SVGElement;
  interval(scores: {
    low: Score;
    point: number;
    high: Score;
    best?: Score;
    from: number;
    to: number;
  }): SVGElement;
  scale(values: Score[]): { from: number; to: number };
  curve(layers: Layer[], label: string, chance: number): SVGElement;
  shade(cell: HTMLElement, percent: number): void;
  colourKey(): HTMLElement;

  // table.js, main.js
  table(content: Table): any;
  mount(element: HTMLElement): void;
  /** The same view again after a change, with the focus on the control of that id. */
  show(changes: Partial<State>, focus: string): void;
}

declare var Board: Page;
/** Of DataTables, whose own types would be one more package. */
declare const DataTable: any;
