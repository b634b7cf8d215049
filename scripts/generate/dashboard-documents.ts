import { DASHBOARDS } from '../monitoring/dashboards.ts';
import type { Dashboard, Panel } from '../monitoring/panel.ts';

const COLUMNS = 24;
const NUMBER = { w: 8, h: 4 };
const CURVE = { w: 12, h: 8 };
const SCHEMA_VERSION = 39;
const SOURCE = { type: 'prometheus', uid: '${source}' };

/** `deployments/monitoring/grafana/dashboards/*.json`, as Grafana imports them. */
export function dashboardDocuments(): { path: string; text: string }[] {
  return DASHBOARDS.map((dashboard) => ({
    path: `deployments/monitoring/grafana/dashboards/${dashboard.uid}.json`,
    text: `${JSON.stringify(grafanaDashboard(dashboard), null, 2)}\n`,
  }));
}

function grafanaDashboard({ uid, title, panels }: Dashboard) {
  return {
    uid,
    title,
    tags: ['llamp'],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: {
      list: [
        { name: 'source', label: 'Source', type: 'datasource', query: 'prometheus', current: {} },
      ],
    },
    panels: placed(panels),
  };
}

/** From left to right, a new row when the next one does not fit. */
function placed(panels: readonly Panel[]) {
  let [x, y, rowHeight] = [0, 0, 0];
  return panels.map((panel, at) => {
    const { w, h } = panel.isNumber ? NUMBER : CURVE;
    if (x + w > COLUMNS) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const gridPos = { x, y, w, h };
    [x, rowHeight] = [x + w, Math.max(rowHeight, h)];
    return grafanaPanel(panel, at + 1, gridPos);
  });
}

function grafanaPanel({ title, unit, isNumber, queries }: Panel, id: number, gridPos: object) {
  return {
    id,
    title,
    type: isNumber ? 'stat' : 'timeseries',
    gridPos,
    datasource: SOURCE,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(([expr, legendFormat], at) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + at),
      datasource: SOURCE,
      expr,
      legendFormat,
    })),
  };
}
