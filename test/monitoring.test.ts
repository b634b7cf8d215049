import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { describedMetrics } from '../scripts/generate/metrics-document.ts';
import { DASHBOARDS } from '../scripts/monitoring/dashboards.ts';
import { namesIn } from './support/metric-names.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity: string };
}

const FOLDER = 'deployments/monitoring/prometheus';
const readRules = () =>
  (
    parse(readFileSync(`${FOLDER}/alerts.yml`, 'utf8')) as { groups: { rules: Rule[] }[] }
  ).groups.flatMap(({ rules }) => rules);
const RULES = readRules();
const METRICS = new Map(describedMetrics().map((metric) => [metric.name, metric]));
// Those that Prometheus adds to everything.
const COMMON_LABELS = ['job', 'instance', 'le', 'alertstate'];

const EXPRESSIONS = [
  ...RULES.map(({ alert, record, expr }) => ({ place: alert ?? record ?? '', expression: expr })),
  ...DASHBOARDS.flatMap(({ uid, panels }) =>
    panels.flatMap(({ title, queries }) =>
      queries.map(([expression]) => ({ place: `${uid} ${title}`, expression })),
    ),
  ),
];

const baseName = (name: string) =>
  METRICS.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');

describe('OP-7 dashboards and alerts', () => {
  test.each(EXPRESSIONS)('OP-7 $place names what the registry has', ({ expression }) => {
    const { metrics, labels } = namesIn(expression);
    expect(metrics.map(baseName).filter((name) => !METRICS.has(name))).toEqual([]);
    const known = new Set([
      ...COMMON_LABELS,
      ...metrics.flatMap((name) => METRICS.get(baseName(name))?.labels ?? []),
      // Of the recorded rules.
      ...(expression.includes('llamp:store_errors') ? ['store'] : []),
    ]);
    expect(labels.filter((label) => !known.has(label))).toEqual([]);
  });

  test('OP-7 six dashboards, each panel with a name of its own', () => {
    expect(DASHBOARDS).toHaveLength(6);
    for (const { uid, panels } of DASHBOARDS) {
      const titles = panels.map(({ title }) => title);
      expect(new Set(titles).size, uid).toBe(titles.length);
    }
  });

  test('OP-7 every recorded rule that is used exists, and is used', () => {
    const recorded = RULES.flatMap(({ record }) => record ?? []);
    const used = EXPRESSIONS.flatMap(({ expression }) => expression.match(/llamp:\w+:\w+/g) ?? []);
    expect([...new Set(used)].sort()).toEqual(recorded.toSorted());
  });

  test('OP-7 every alert has a severity and a test', () => {
    const tests = readFileSync(`${FOLDER}/alerts.test.yml`, 'utf8');
    for (const { alert, labels } of RULES) {
      if (alert === undefined) continue;
      expect(['page', 'ticket'], alert).toContain(labels?.severity);
      expect(tests).toContain(`  - name: ${alert}\n`);
      expect(tests).toContain(`{ eval_time: 1h, alertname: ${alert} }`);
    }
  });
});
