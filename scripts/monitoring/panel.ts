/** One picture of a dashboard. */
export interface Panel {
  readonly title: string;
  /** Of Grafana: `s`, `bytes`, `reqps`, `percentunit`, `short`, `d`. */
  readonly unit: string;
  /** A number instead of a curve. */
  readonly isNumber?: true;
  /** An expression and what its curves are called. */
  readonly queries: readonly (readonly [expression: string, legend: string])[];
}

export interface Dashboard {
  /** Stable: links and provisioning find it by this. */
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

export const curve = (
  title: string,
  unit: string,
  ...queries: readonly (readonly [string, string])[]
): Panel => ({ title, unit, queries });

export const number = (title: string, unit: string, expression: string): Panel => ({
  title,
  unit,
  isNumber: true,
  queries: [[expression, '']],
});

/** A quantile of a histogram over five minutes. */
export const quantile = (at: number, histogram: string, by = '', filter = ''): string => {
  const labels = ['le', by].filter(Boolean).join(', ');
  const selector = filter === '' ? '' : `{${filter}}`;
  return `histogram_quantile(${at}, sum by (${labels}) (rate(${histogram}_bucket${selector}[5m])))`;
};
