import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';

const run = promisify(execFile);
const CHART = 'deployments/helm/llamp';
/** The oldest version that the chart takes, and the newest one there are schemas for. */
export const KUBERNETES_VERSIONS = ['1.30', '1.37'] as const;
export const EXAMPLES = ['minimal', 'production', 'argocd'] as const;

export const examplePath = (name: string) => `${CHART}/examples/${name}.yaml`;

export interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly serviceAccountName?: string;
  readonly securityContext: Record<string, unknown>;
  readonly terminationGracePeriodSeconds?: number;
  readonly topologySpreadConstraints?: Record<string, unknown>[];
  readonly volumes?: { name: string; emptyDir?: object; secret?: object; configMap?: object }[];
  readonly containers: {
    readonly command: string[];
    readonly image: string;
    readonly securityContext: Record<string, unknown>;
    readonly env?: { name: string; value: string }[];
    readonly ports?: { name: string; containerPort: number }[];
    readonly resources: { requests: Record<string, string>; limits: Record<string, string> };
    readonly lifecycle?: { preStop: { sleep: { seconds: number } } };
    readonly [probe: string]: unknown;
  }[];
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec: Record<string, unknown>;
  readonly data?: Record<string, string>;
}

/** `helm template` with an example and more values on top of it; rejects with what Helm says. */
export async function renderChart(
  helm: string,
  example: string,
  values: unknown = {},
  kubernetesVersion: string = KUBERNETES_VERSIONS[1],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'llamp-chart-'));
  try {
    const file = join(folder, 'values.json');
    await writeFile(file, JSON.stringify(values));
    const { stdout } = await run(helm, [
      ...['template', 'llamp', CHART, '--namespace', 'llamp'],
      ...['--values', examplePath(example), '--values', file],
      ...['--kube-version', `${kubernetesVersion}.0`],
      ...['--api-versions', 'gateway.networking.k8s.io/v1'],
      ...['--api-versions', 'monitoring.coreos.com/v1'],
    ]);
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The manifests in a render, without empty documents. */
export const manifestsIn = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);

/** The pod that a manifest starts, if it starts one. */
export function podOf(manifest: Manifest): PodSpec | undefined {
  if (manifest.kind === 'Pod') return manifest.spec as unknown as PodSpec;
  const template = manifest.spec?.['template'] as { spec: PodSpec } | undefined;
  return template?.spec;
}

export const lintChart = (helm: string, example: string) =>
  run(helm, [
    'lint',
    '--strict',
    CHART,
    '--values',
    examplePath(example),
    '--kube-version',
    '1.37.0',
  ]);

/** Validates a render against the schemas of one version; returns the kinds that it has no schema for. */
export async function validateManifests(
  program: string,
  text: string,
  kubernetesVersion: string,
): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'llamp-chart-'));
  try {
    const file = join(folder, 'render.yaml');
    await writeFile(file, text);
    const { stdout, stderr } = await run(program, [
      ...['--strict', '--kubernetes-version', kubernetesVersion, file],
    ]);
    return [...`${stdout}${stderr}`.matchAll(/find schema for kind (\w+)/g)].map(
      ([, kind]) => kind ?? '',
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}
