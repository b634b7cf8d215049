import { describe, expect, it } from 'vitest';
import {
  type Definitions,
  type DeploymentDefinition,
  type ModelDefinition,
  NO_DEFINITIONS,
  type ProviderDefinition,
} from './definition.ts';
import { resolveModels } from './resolve-models.ts';

const provider = (fields: Partial<ProviderDefinition> = {}): ProviderDefinition => ({
  id: 'prov_1',
  name: 'openai',
  kind: 'openai-compatible',
  baseUrl: null,
  apiVersion: null,
  region: null,
  credential: { api_key: 'sk-1' },
  credentialId: 'prov_1.a',
  enabled: true,
  ...fields,
});
const deployment = (fields: Partial<DeploymentDefinition> = {}): DeploymentDefinition => ({
  id: 'dep_1',
  name: 'gpt-eu',
  providerId: 'prov_1',
  upstreamModel: 'gpt-5.2',
  serves: null,
  enabled: true,
  ...fields,
});
const model = (fields: Partial<ModelDefinition> = {}): ModelDefinition => ({
  name: 'gpt',
  strategy: 'weighted',
  affinity: false,
  enabled: true,
  created: 7,
  members: [{ deploymentId: 'dep_1', weight: 3, tier: 1 }],
  fallbacks: [],
  ...fields,
});
const all = (fields: Partial<Definitions> = {}): Definitions => ({
  providers: [provider()],
  deployments: [deployment()],
  models: [model()],
  ...fields,
});
const resolve = (stored: Definitions, file = NO_DEFINITIONS) => resolveModels(file, stored);

describe('definitions become models', () => {
  it('GW-4 with weight, tier, address, credential and what they serve', () => {
    expect(resolve(all()).models).toEqual([
      {
        name: 'gpt',
        created: 7,
        ownedBy: 'openai',
        strategy: 'weighted',
        affinity: false,
        fallbacks: [],
        label: 'gpt',
        deployments: [
          {
            id: 'dep_1',
            name: 'gpt-eu',
            provider: 'openai-compatible',
            credentialId: 'prov_1.a',
            upstreamModel: 'gpt-5.2',
            endpoint: { baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-1' },
            serves: new Set(['chat.completions', 'completions', 'embeddings']),
            weight: 3,
            tier: 1,
          },
        ],
      },
    ]);
  });

  it.each([
    ['anthropic', ['chat.completions', 'messages']],
    ['google', ['chat.completions', 'embeddings']],
    ['bedrock', ['chat.completions', 'embeddings']],
    ['azure', ['chat.completions', 'completions', 'embeddings']],
  ] as const)('serve by default what %s can do', (kind, serves) => {
    const providers = [provider({ kind, region: 'eu-west-1', baseUrl: 'https://host' })];
    const [first] = resolve(all({ providers })).models;
    expect([...(first?.deployments[0]?.serves ?? [])]).toEqual(serves);
  });

  it('give Bedrock its region and its keys', () => {
    const credential = { access_key_id: 'AKIA', secret_access_key: 's', session_token: 't' };
    const providers = [provider({ kind: 'bedrock', region: 'eu-west-1', credential })];
    expect(resolve(all({ providers })).models[0]?.deployments[0]?.endpoint).toEqual({
      baseUrl: 'https://bedrock-runtime.eu-west-1.amazonaws.com',
      aws: {
        region: 'eu-west-1',
        accessKeyId: 'AKIA',
        secretAccessKey: 's',
        sessionToken: 't',
      },
    });
  });

  it('leave out what is switched off, and say why when nothing remains', () => {
    const two = [
      { deploymentId: 'dep_1', weight: 1, tier: 0 },
      { deploymentId: 'dep_2', weight: 1, tier: 0 },
    ];
    const deployments = [deployment({ enabled: false }), deployment({ id: 'dep_2', name: 'us' })];
    const models = [model({ members: two })];
    expect(resolve(all({ deployments, models })).models[0]?.deployments).toHaveLength(1);

    const withheld = (fields: Partial<Definitions>) => resolve(all(fields)).withheld.get('gpt');
    expect(withheld({ deployments: [deployment({ enabled: false })] })).toContain("'gpt-eu'");
    expect(withheld({ providers: [provider({ enabled: false })] })).toContain("'openai'");
    expect(withheld({ providers: [provider({ fault: 'no key' })] })).toBe('no key');
    expect(withheld({ models: [model({ enabled: false })] })).toBeNull();
    expect(withheld({ deployments: [] })).toBe('a deployment is missing');
  });

  it('take names of the file instead of stored ones, wherever they are referred to', () => {
    const file = all({
      providers: [provider({ id: 'prov_f', baseUrl: 'https://file/v1' })],
      deployments: [deployment({ id: 'dep_f', providerId: 'prov_f', upstreamModel: 'of-file' })],
      models: [],
    });
    const stored = resolve(all(), file).models[0]?.deployments[0];
    expect(stored).toMatchObject({
      id: 'dep_f',
      upstreamModel: 'of-file',
      endpoint: { baseUrl: 'https://file/v1' },
    });
    const own = all({
      models: [
        model({ strategy: 'ordered', members: [{ deploymentId: 'dep_1', weight: 1, tier: 0 }] }),
      ],
    });
    expect(resolve(all(), own).models).toMatchObject([{ strategy: 'ordered' }]);
    const off = all({ models: [model({ enabled: false })] });
    expect(resolve(all(), off)).toMatchObject({ models: [], withheld: new Map([['gpt', null]]) });
  });

  it('share one endpoint object between deployments of a provider', () => {
    const deployments = [deployment(), deployment({ id: 'dep_2', name: 'us' })];
    const members = deployments.map(({ id }) => ({ deploymentId: id, weight: 1, tier: 0 }));
    const [resolved] = resolve(all({ deployments, models: [model({ members })] })).models;
    expect(resolved?.deployments[0]?.endpoint).toBe(resolved?.deployments[1]?.endpoint);
  });
});
