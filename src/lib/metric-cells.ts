import type { LabelValues, Metric, Registry } from 'prom-client';

// No label holds it, so that two lists of labels never share a key.
const SEPARATOR = '\u0001';

/** Where label values of more cells than these go: a fault in a label must not fill the memory of the scraper. */
const OVERFLOW = 'other';
const COUNTER_CELLS_MAX = 2_000;
const HISTOGRAM_CELLS_MAX = 400;

interface Cell<T extends string> {
  readonly labels: LabelValues<T>;
  value: number;
}

export interface MetricOptions<T extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly T[];
  readonly registers: readonly Registry[];
}

/** A counter for the library's registry whose cells one look-up finds: the library's own costs a sort for every call. */
export class CellCounter<T extends string> {
  readonly name: string;
  readonly help: string;
  readonly type = 'counter';
  readonly labelNames: readonly T[];
  readonly #cells = new Map<string, Cell<T>>();

  constructor({ name, help, labelNames = [], registers }: MetricOptions<T>) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    if (labelNames.length === 0) this.#cell({});
    register(this, registers);
  }

  inc(labels?: LabelValues<T> | number, value = 1): void {
    if (typeof labels === 'object') this.#cell(labels).value += value;
    else this.#cell({}).value += labels ?? 1;
  }

  /** What the registry asks for. */
  async get() {
    const values = [...this.#cells.values()].map((cell) => ({ ...cell }));
    return { name: this.name, help: this.help, type: 'counter', aggregator: 'sum', values };
  }

  #cell(labels: LabelValues<T>): Cell<T> {
    const key = keyOf(this.labelNames, labels);
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      if (isFull(this.#cells, labels, COUNTER_CELLS_MAX))
        return this.#cell(overflowOf(this.labelNames));
      cell = { labels: { ...labels }, value: 0 };
      this.#cells.set(key, cell);
    }
    return cell;
  }
}

interface Distribution<T extends string> {
  readonly labels: LabelValues<T>;
  /** By bucket, the last one without an upper bound; not cumulative. */
  readonly counts: number[];
  sum: number;
}

/** A histogram for the library's registry, likewise. */
export class CellHistogram<T extends string> {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly labelNames: readonly T[];
  readonly #bounds: readonly number[];
  readonly #cells = new Map<string, Distribution<T>>();

  /** `buckets` are upper bounds, ascending. */
  constructor(options: MetricOptions<T> & { readonly buckets: readonly number[] }) {
    const { name, help, labelNames = [], buckets, registers } = options;
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.#bounds = buckets;
    if (labelNames.length === 0) this.#cell({});
    register(this, registers);
  }

  observe(labels: LabelValues<T> | number, value?: number): void {
    const isLabelled = typeof labels === 'object';
    const observed = isLabelled ? (value ?? 0) : labels;
    const cell = this.#cell(isLabelled ? labels : {});
    let bucket = 0;
    while (bucket < this.#bounds.length && observed > (this.#bounds[bucket] ?? 0)) bucket += 1;
    cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1;
    cell.sum += observed;
  }

  /** What the registry asks for. */
  async get() {
    const values = [...this.#cells.values()].flatMap((cell) => this.#lines(cell));
    return { name: this.name, help: this.help, type: 'histogram', aggregator: 'sum', values };
  }

  #lines({ labels, counts, sum }: Distribution<T>) {
    const bucket = `${this.name}_bucket`;
    let count = 0;
    const buckets = [...this.#bounds, '+Inf'].map((le, at) => {
      count += counts[at] ?? 0;
      return { labels: { le, ...labels }, value: count, metricName: bucket };
    });
    return [
      ...buckets,
      { labels, value: sum, metricName: `${this.name}_sum` },
      { labels, value: count, metricName: `${this.name}_count` },
    ];
  }

  #cell(labels: LabelValues<T>): Distribution<T> {
    const key = keyOf(this.labelNames, labels);
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      if (isFull(this.#cells, labels, HISTOGRAM_CELLS_MAX))
        return this.#cell(overflowOf(this.labelNames));
      const counts = new Array<number>(this.#bounds.length + 1).fill(0);
      cell = { labels: { ...labels }, counts, sum: 0 };
      this.#cells.set(key, cell);
    }
    return cell;
  }
}

function isFull<T extends string>(
  cells: ReadonlyMap<string, unknown>,
  labels: LabelValues<T>,
  max: number,
): boolean {
  return cells.size >= max && !Object.values(labels).every((value) => value === OVERFLOW);
}

function overflowOf<T extends string>(names: readonly T[]): LabelValues<T> {
  return Object.fromEntries(names.map((name) => [name, OVERFLOW])) as LabelValues<T>;
}

function keyOf<T extends string>(names: readonly T[], labels: LabelValues<T>): string {
  let key = '';
  for (const name of names) key += `${labels[name]}${SEPARATOR}`;
  return key;
}

// The registry needs a name and `get`; its types ask for the library's own classes.
function register(metric: { readonly name: string }, registers: readonly Registry[]): void {
  for (const registry of registers) registry.registerMetric(metric as unknown as Metric);
}
