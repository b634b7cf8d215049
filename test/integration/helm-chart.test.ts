import { expect, test } from 'vitest';
import { VARIABLE_NAMES, VARIABLES } from '../../src/config/schema.ts';
import {
  EXAMPLES,
  KUBERNETES_VERSIONS,
  lintChart,
  type Manifest,
  manifestsIn,
  podOf,
  renderChart,
  validateManifests,
} from '../support/helm-chart.ts';
import { describeWithLegs } from '../support/legs.ts';

// No schema of their own in Kubernetes; the test below looks at what they must hold.
const KINDS_OF_OTHERS = ['HTTPRoute', 'ServiceMonitor'];

describeWithLegs(
  'Kubernetes chart (OP-4)',
  ['helm', 'kubernetes-validate'],
  ({ helm, 'kubernetes-validate': validator }) => {
    const render = async (example: string, values: unknown = {}) =>
      manifestsIn(await renderChart(helm, example, values));
    const one = (manifests: Manifest[], kind: string): Manifest => {
      const found = manifests.filter((manifest) => manifest.kind === kind);
      expect(found.map(({ kind: name }) => name)).toEqual([kind]);
      return found[0] as Manifest;
    };
    const pods = (manifests: Manifest[]) => manifests.map(podOf).filter((pod) => pod !== undefined);

    test.each(EXAMPLES)('OP-4 helm lint --strict takes the example %s', async (example) => {
      const { stdout } = await lintChart(helm, example);
      expect(stdout).toContain('0 chart(s) failed');
    });

    test.each(EXAMPLES)('OP-4 the example %s renders as it did', async (example) => {
      const text = await renderChart(helm, example);
      await expect(text).toMatchFileSnapshot(`../golden/helm/${example}.yaml`);
    });

    test.each(EXAMPLES.flatMap((example) => KUBERNETES_VERSIONS.map((v) => [example, v] as const)))(
      'OP-4 every manifest of the example %s is valid for Kubernetes %s',
      async (example, version) => {
        const text = await renderChart(helm, example, {}, version);
        const unknown = await validateManifests(validator, text, version);
        expect(unknown.toSorted()).toEqual(example === 'production' ? KINDS_OF_OTHERS : []);
      },
    );

    test('OP-4 every pod is restricted: user, root folder, capabilities, system calls, token', async () => {
      for (const example of EXAMPLES) {
        for (const pod of pods(await render(example))) {
          expect(pod.automountServiceAccountToken).toBe(false);
          expect(pod.securityContext).toMatchObject({
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
          });
          expect(pod.securityContext['runAsUser']).toBe(example === 'argocd' ? undefined : 10_001);
          for (const container of pod.containers) {
            expect(container.securityContext).toEqual({
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            });
            expect(container.resources.limits['memory']).toBeDefined();
            expect(container.resources.limits['cpu']).toBeUndefined();
            expect(container.image).not.toContain('latest');
          }
        }
      }
    });

    test('OP-4 no secret stands in a manifest: each is a mounted file', async () => {
      const manifests = await render('production');
      expect(manifests.map(({ kind }) => kind)).not.toContain('Secret');
      const known = VARIABLE_NAMES.flatMap((name) =>
        VARIABLES[name].file ? [name, `${name}_FILE`] : [name],
      );
      const secrets: readonly string[] = VARIABLE_NAMES.filter((name) => VARIABLES[name].secret);
      for (const pod of pods(manifests)) {
        const names = (pod.containers[0]?.env ?? []).map(({ name }) => name);
        expect(names.filter((name) => secrets.includes(name))).toEqual([]);
        expect([...known, 'NODE_OPTIONS', 'TZ']).toEqual(expect.arrayContaining(names));
      }
    });

    test('OP-4 a rolling update takes no pod away before a new one is ready, and drains', async () => {
      const deployment = one(await render('minimal'), 'Deployment');
      expect(deployment.spec['strategy']).toEqual({
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
      });
      const pod = podOf(deployment);
      const [container] = pod?.containers ?? [];
      const pathOf = (probe: string) =>
        (container?.[probe] as { httpGet: { path: string } }).httpGet.path;
      expect(['startupProbe', 'readinessProbe', 'livenessProbe'].map(pathOf)).toEqual([
        '/health/live',
        '/health/ready',
        '/health/live',
      ]);
      const pauseSeconds = container?.lifecycle?.preStop.sleep.seconds ?? 0;
      const drainMs = Number(
        container?.env?.find(({ name }) => name === 'LLAMP_DRAIN_TIMEOUT_MS')?.value,
      );
      expect(pauseSeconds).toBeGreaterThanOrEqual(5);
      expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(pauseSeconds + drainMs / 1000);
    });

    test('OP-4 the migration runs before, with all that the server has', async () => {
      for (const example of EXAMPLES) {
        const manifests = await render(example);
        const job = one(manifests, 'Job');
        const [server, migration] = [podOf(one(manifests, 'Deployment')), podOf(job)];
        expect(migration?.containers[0]?.env).toEqual(server?.containers[0]?.env);
        expect(migration?.volumes).toEqual(server?.volumes);
        expect(migration?.containers[0]?.command).toEqual(['node', 'bin/llamp.mjs', 'migrate']);
        expect(job.metadata.annotations).toEqual(
          example === 'argocd'
            ? {
                'argocd.argoproj.io/hook': 'PreSync',
                'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
              }
            : {
                'helm.sh/hook': 'pre-install,pre-upgrade',
                'helm.sh/hook-delete-policy': 'before-hook-creation',
              },
        );
        // On the first installation a hook finds nothing of the release: what it names must not come from it.
        const required = (migration?.volumes ?? []).filter(
          ({ configMap }) => configMap !== undefined && !('optional' in configMap),
        );
        expect(required).toEqual([]);
        expect(migration?.serviceAccountName).toBeUndefined();
      }
    });

    test('OP-4 disruption budget and replicas follow from how many pods there are', async () => {
      const two = one(await render('minimal'), 'PodDisruptionBudget');
      expect(two.spec).toMatchObject({
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      });
      const single = await render('minimal', { replicas: 1 });
      expect(single.map(({ kind }) => kind)).not.toContain('PodDisruptionBudget');
      const scaled = await render('production');
      expect(one(scaled, 'Deployment').spec).not.toHaveProperty('replicas');
      expect(one(scaled, 'HorizontalPodAutoscaler').spec).toMatchObject({
        minReplicas: 3,
        behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
      });
      const spread = podOf(one(scaled, 'Deployment'))?.topologySpreadConstraints ?? [];
      expect(spread.map(({ topologyKey }) => topologyKey)).toEqual([
        'kubernetes.io/hostname',
        'topology.kubernetes.io/zone',
      ]);
      for (const constraint of spread) {
        expect(constraint['matchLabelKeys']).toEqual(['pod-template-hash']);
      }
    });

    test('OP-4 the network policy denies by default and never opens the metadata address', async () => {
      const policy = one(await render('production'), 'NetworkPolicy').spec;
      expect(policy['policyTypes']).toEqual(['Ingress', 'Egress']);
      const text = JSON.stringify(policy['egress']);
      expect(text).toContain('"cidr":"0.0.0.0/0","except":');
      expect(text).toContain('169.254.0.0/16');
      const six = { networkPolicy: { providers: [{ cidr: '::/0', ports: [443] }] } };
      const ipv6 = one(await render('production', six), 'NetworkPolicy').spec;
      expect(JSON.stringify(ipv6['egress'])).toContain('fd00:ec2::254/128');
    });

    test('OP-4 a changed models file replaces the pods', async () => {
      const checksumOf = async (modelsFile: string) => {
        const deployment = one(await render('minimal', { modelsFile }), 'Deployment');
        const template = deployment.spec['template'] as Manifest;
        return template.metadata.annotations?.['checksum/models'];
      };
      expect(await checksumOf('models: []\n')).not.toBe(await checksumOf('models: [a]\n'));
    });

    test('OP-4 route and monitor lead to ports that the service and the pods have', async () => {
      const manifests = await render('production');
      const service = one(manifests, 'Service');
      const ports = service.spec['ports'] as { name: string; port: number; targetPort: string }[];
      const open = podOf(one(manifests, 'Deployment'))?.containers[0]?.ports ?? [];
      expect(open.map(({ name }) => name)).toEqual(ports.map(({ targetPort }) => targetPort));
      expect(one(manifests, 'HTTPRoute').spec).toMatchObject({
        parentRefs: [{ name: 'public', namespace: 'gateway' }],
        rules: [{ backendRefs: [{ name: service.metadata.name, port: ports[0]?.port }] }],
      });
      const monitor = one(manifests, 'ServiceMonitor').spec as {
        endpoints: { port: string }[];
        selector: { matchLabels: Record<string, string> };
      };
      expect(ports.map(({ name }) => name)).toContain(monitor.endpoints[0]?.port);
      expect(service.metadata.labels).toMatchObject(monitor.selector.matchLabels);
    });

    test('OP-4 the schema refuses every secret among the plain variables', async () => {
      for (const name of VARIABLE_NAMES.filter((variable) => VARIABLES[variable].secret)) {
        await expect(renderChart(helm, 'minimal', { config: { [name]: 'x' } })).rejects.toThrow(
          name,
        );
      }
    });

    const WRONG: [unknown, RegExp][] = [
      [{ existingSecret: '' }, /existingSecret is empty: create a Secret/],
      [{ secretKeys: { redisUrl: '' } }, /secretKeys\.redisUrl is empty/],
      [{ objectStore: { endpoint: '' } }, /objectStore\.endpoint is empty/],
      [{ objectStore: { endpoint: 's3.example.com' } }, /objectStore.*endpoint/s],
      [{ milvus: { host: '' } }, /milvus\.host is empty/],
      [{ milvus: { port: '19530' } }, /milvus.*port/s],
      [{ networkPolicy: { stores: [] } }, /networkPolicy\.stores is empty/],
      [{ image: { tag: 'latest' } }, /image.*tag/s],
      [{ image: { tag: 2 } }, /image.*tag.*string/s],
      [{ image: { digest: 'sha256:short' } }, /image.*digest/s],
      [{ replicas: '2' }, /replicas/],
      [{ replicas: 0 }, /replicas/],
      [{ replica: 3 }, /replica/],
      [{ drain: { timeoutSeconds: 0 } }, /drain.*timeoutSeconds/s],
      [{ config: { LLAMP_SECRET_KEY: 'x' } }, /LLAMP_SECRET_KEY/],
      [{ config: { DATABASE_URL: 'postgres://u:p@h/d' } }, /DATABASE_URL/],
      [{ config: { LLAMP_WORKERS: 2 } }, /LLAMP_WORKERS/],
      [{ podDisruptionBudget: { maxUnavailable: 0 } }, /maxUnavailable/],
      [{ horizontalPodAutoscaler: { enabled: true, minReplicas: 20 } }, /greater than maxReplicas/],
      [{ topologySpread: { whenUnsatisfiable: 'Maybe' } }, /whenUnsatisfiable/],
      [{ runAsUser: 0 }, /runAsUser/],
      [{ httpRoute: { enabled: true } }, /httpRoute\.parentRefs is empty/],
      [{ ingress: { enabled: true } }, /ingress\.hosts is empty/],
      [
        { serviceMonitor: { enabled: true }, metrics: { enabled: false } },
        /needs metrics\.enabled/,
      ],
      [{ service: { type: 'ExternalName' } }, /service.*type/s],
    ];
    test.each(WRONG)('OP-4 the values %j are refused', async (values, reason) => {
      await expect(renderChart(helm, 'minimal', values)).rejects.toThrow(reason);
    });
  },
);
