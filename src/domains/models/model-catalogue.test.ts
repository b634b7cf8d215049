import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ScriptedProvider,
  startScriptedProvider,
} from '../../../test/support/scripted-provider.ts';
import { systemClock } from '../../adapters/clock/system.ts';
import { silentLog } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Model, plainRouting } from './model.ts';
import {
  type ModelCatalogue,
  type ModelCatalogueOptions,
  openModelCatalogue,
} from './model-catalogue.ts';

let provider: ScriptedProvider;
let catalogue: ModelCatalogue | undefined;

beforeEach(async () => {
  provider = await startScriptedProvider({ models: ['b', 'a', 'llamp-builtin'] });
});

afterEach(async () => {
  await catalogue?.close();
  await provider.close();
});

/** Only the background refresh sleeps, so a clock that stops there leaves the rest to the test. */
const stopped: Clock = {
  ...systemClock,
  sleep: (_delayMs, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
};

const open = (options: Partial<ModelCatalogueOptions> = {}) => {
  catalogue = openModelCatalogue({
    upstream: provider,
    clock: stopped,
    log: silentLog,
    ...options,
  });
  return catalogue;
};
const names = (opened: ModelCatalogue) => opened.list().map((model) => model.name);
const listReads = () =>
  provider.journal.filter((received) => received.path === '/v1/models').length;

describe('ModelCatalogue', () => {
  it('has the built-in models and nothing else without an upstream', async () => {
    const opened = open({ upstream: undefined });
    expect(names(opened)).toEqual(['llamp-builtin', 'llamp-builtin-lexical']);
    await expect(opened.resolve('gpt-x')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  it('waits for the first list, whose names cannot hide the built-in ones', async () => {
    const opened = open();
    expect((await opened.resolve('a')).deployments[0]).toMatchObject({
      provider: 'openai-compatible',
      upstreamModel: 'a',
      endpoint: { baseUrl: provider.baseUrl },
    });
    expect(names(opened)).toEqual(['a', 'b', 'llamp-builtin', 'llamp-builtin-lexical']);
    expect(opened.find('llamp-builtin')?.deployments[0]?.provider).toBe('builtin');
    expect(listReads()).toBe(1);
  });

  it('asks again for an unknown name, once for many callers and not too often', async () => {
    const opened = open({ unknownModelIntervalMs: 60_000 });
    await opened.resolve('a');
    provider.setModels(['a', 'new']);
    await expect(opened.resolve('new')).rejects.toMatchObject({ status: 404 });
    expect(listReads()).toBe(1);
    await catalogue?.close();
    const eager = open({ unknownModelIntervalMs: 0 });
    await eager.resolve('new');
    provider.setModels(['a', 'newer']);
    const before = listReads();
    const found = await Promise.all(Array.from({ length: 20 }, () => eager.resolve('newer')));
    expect(found).toHaveLength(20);
    expect(listReads() - before).toBe(1);
    expect(eager.find('new')).toBeUndefined();
  });

  it.each([400, 403, 404, 405, 410, 422, 501])(
    'passes every name on when the upstream has no list (%i)',
    async (status) => {
      provider.setModels(status);
      const opened = open();
      const model = await opened.resolve('anything/at-all');
      expect(model).toMatchObject({ name: 'anything/at-all', label: 'passthrough' });
      expect(opened.find('other')?.deployments[0]?.upstreamModel).toBe('other');
      expect(opened.status().upstream).toBe('passthrough');
      await expect(opened.resolve('x'.repeat(300))).rejects.toMatchObject({ status: 404 });
      await expect(opened.resolve('zero\u0000')).rejects.toMatchObject({ status: 404 });
      await expect(opened.resolve('half \ud800')).rejects.toMatchObject({ status: 404 });
    },
  );

  it.each([
    ['a server error', 500, /status 500/],
    ['a wrong credential', 401, /refused its credential/],
    ['a time-out', 408, /status 408/],
    ['a rate limit', 429, /status 429/],
    ['something that is no list', { hello: 1 }, /no model list/],
  ])('says 503 and why after %s', async (_name, models, reason) => {
    provider.setModels(models);
    const opened = open();
    await expect(opened.resolve('a')).rejects.toMatchObject({
      status: 503,
      code: 'models_unavailable',
      message: expect.stringMatching(reason),
    });
    expect(opened.find('llamp-builtin')).toBeDefined();
    expect(opened.status()).toMatchObject({ upstream: 'unreachable' });
  });

  it('says 503 when nobody listens, and finds the models once somebody does', async () => {
    await provider.close();
    const { port } = provider;
    const opened = open({ unknownModelIntervalMs: 0 });
    await expect(opened.resolve('a')).rejects.toMatchObject({
      status: 503,
      message: expect.stringMatching(/ECONNREFUSED/),
    });
    provider = await startScriptedProvider({ port, models: ['a'] });
    expect((await opened.resolve('a')).name).toBe('a');
  });

  it.each([500, 403, 404])('keeps what it knew while the upstream says %i', async (status) => {
    const opened = open({ unknownModelIntervalMs: 0 });
    await opened.resolve('a');
    provider.setModels(status);
    await opened.refresh();
    expect(opened.find('a')).toBeDefined();
    expect(opened.status()).toMatchObject({
      upstream: 'listed',
      reason: expect.stringContaining(String(status)),
    });
    await expect(opened.resolve('unknown')).rejects.toMatchObject({ status: 404 });
  });

  it('passes names on when a first refusal follows a time away', async () => {
    provider.setModels(500);
    const opened = open({ unknownModelIntervalMs: 0 });
    await expect(opened.resolve('a')).rejects.toMatchObject({ status: 503 });
    provider.setModels(403);
    expect(await opened.resolve('a')).toMatchObject({ label: 'passthrough' });
  });

  it('reads odd lists', async () => {
    provider.setModels({
      data: [
        { id: 'ms', created: 1_700_000_000_123 },
        { id: 'f', created: 1.5, owned_by: 7 },
        { id: 7 },
        'x',
        null,
      ],
    });
    const opened = open();
    expect(await opened.resolve('ms')).toMatchObject({
      created: 1_700_000_000,
      ownedBy: 'upstream',
    });
    expect(await opened.resolve('f')).toMatchObject({ created: 1, ownedBy: 'upstream' });
    expect(opened.list()).toHaveLength(4);
  });

  it('refreshes in the background', async () => {
    const opened = open({ clock: systemClock, refreshIntervalMs: 10 });
    await opened.resolve('a');
    provider.setModels(['later']);
    await expect.poll(() => opened.find('later')?.name).toBe('later');
  });
});

describe('configured models', () => {
  const model = (name: string): Model => {
    const deployments = openedDeployments();
    return { name, created: 1, ownedBy: 'test', ...plainRouting(deployments), label: name };
  };
  const openedDeployments = () => [
    {
      id: 'dep_1',
      name: 'd',
      provider: 'openai-compatible' as const,
      credentialId: 'prov_1',
      upstreamModel: 'x',
      serves: new Set(['chat.completions' as const]),
      weight: 1,
      tier: 0,
    },
  ];

  it('GW-12 come into force all at once, each time with a higher version', async () => {
    const versions: number[] = [];
    const opened = open({ upstream: undefined, onSnapshot: (version) => versions.push(version) });
    opened.configure({ models: [model('m1'), model('m2')], withheld: new Map() });
    expect(names(opened)).toEqual(['llamp-builtin', 'llamp-builtin-lexical', 'm1', 'm2']);
    opened.configure({ models: [model('m3')], withheld: new Map() });
    expect(names(opened)).toEqual(['llamp-builtin', 'llamp-builtin-lexical', 'm3']);
    expect(versions).toEqual([1, 2, 3]);
    expect(opened.version).toBe(3);
  });

  it('keep the version while the list of the upstream is the same', async () => {
    const opened = open();
    await opened.resolve('a');
    const { version } = opened;
    await opened.refresh();
    expect(opened.version).toBe(version);
    provider.setModels(['a']);
    await opened.refresh();
    expect(opened.version).toBe(version + 1);
  });

  it('hide listed models of the same name, but not the built-in ones', async () => {
    const opened = open();
    await opened.resolve('a');
    opened.configure({ models: [model('a'), model('llamp-builtin')], withheld: new Map() });
    expect(opened.find('a')?.ownedBy).toBe('test');
    expect(opened.find('llamp-builtin')?.ownedBy).toBe('llamp');
  });

  it('that cannot be served hide them too, and say why', async () => {
    const opened = open();
    await opened.resolve('a');
    const withheld = new Map([
      ['a', null],
      ['b', 'the credential cannot be opened'],
    ]);
    opened.configure({ models: [], withheld });
    expect(names(opened)).toEqual(['llamp-builtin', 'llamp-builtin-lexical']);
    await expect(opened.resolve('a')).rejects.toMatchObject({ status: 404 });
    await expect(opened.resolve('b')).rejects.toMatchObject({
      status: 503,
      code: 'model_unusable',
      message: expect.stringContaining('cannot be opened'),
    });
  });

  it('that are switched off are not passed on to an upstream without a list', async () => {
    provider.setModels(404);
    const opened = open();
    expect((await opened.resolve('x')).label).toBe('passthrough');
    opened.configure({ models: [], withheld: new Map([['x', null]]) });
    expect(opened.find('x')).toBeUndefined();
    await expect(opened.resolve('x')).rejects.toMatchObject({ status: 404 });
  });
});
