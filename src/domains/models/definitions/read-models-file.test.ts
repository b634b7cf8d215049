import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ModelsFileError } from './file-mistakes.ts';
import { modelsFileOf } from './models-file.ts';
import { parseModelsFile, readModelsFile } from './read-models-file.ts';

const ENV: Record<string, string> = { OPENAI_KEY: 'sk-from-the-environment', HOST: 'eu.example' };
const source = { path: 'models.yaml', textOf: (name: string) => ENV[name] };
const parse = (text: string) => parseModelsFile(text, source);

const RIGHT = `
providers:
  - name: openai
    kind: openai-compatible
    base_url: https://\${HOST}/v1/
    credential:
      api_key: \${OPENAI_KEY}
  - name: bedrock
    kind: bedrock
    region: eu-west-1
deployments:
  - name: gpt-eu
    provider: openai
    upstream_model: gpt-5.2
  - name: claude-aws
    provider: bedrock
    upstream_model: anthropic.claude
    serves: [chat.completions]
models:
  - name: gpt
    deployments:
      - deployment: gpt-eu
        weight: 3
      - { deployment: claude-aws, tier: 1 }
    fallbacks: [llamp-builtin]
`;

const WRONG = `
providers:
  - name: openai
    kind: openai
    bse_url: https://api.openai.com/v1
  - name: two
    kind: azure
    credential:
      api_key: \${NOT_SET}
  - name: two
    kind: google
    base_url: https://user:secret-7f3a@host/v1
    region: eu
deployments:
  - name: d
    provider: nobody
    upstream_model: m
  - provider: two
models:
  - name: m
    strategy: random
    deployments: []
  - name: llamp-builtin
    deployments:
      - deployment: d
      - deployment: d
      - deployment: nowhere
    fallbacks: [llamp-builtin]
extra: true
`;

function mistakesOf(text: string) {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ModelsFileError) return error.mistakes;
    throw error;
  }
  return [];
}

describe('the configuration file', () => {
  it('GW-11 says what the API says, with its defaults and with texts of the environment', () => {
    const body = parse(RIGHT);
    expect(body.providers[0]).toEqual({
      name: 'openai',
      kind: 'openai-compatible',
      base_url: 'https://eu.example/v1/',
      credential: { api_key: 'sk-from-the-environment' },
      enabled: true,
    });
    expect(body.models[0]).toMatchObject({
      strategy: 'weighted',
      affinity: false,
      enabled: true,
      deployments: [
        { deployment: 'gpt-eu', weight: 3, tier: 0 },
        { deployment: 'claude-aws', weight: 1, tier: 1 },
      ],
    });
  });

  it('shows entries without credentials, under ids that stay', () => {
    const [first, second] = [1, 2].map((ms) => modelsFileOf(parse(RIGHT), new Date(ms)));
    expect(first?.providers.map(({ id }) => id)).toEqual(second?.providers.map(({ id }) => id));
    expect(first?.providers[0]?.id).toMatch(/^prov_[a-z0-9]{24}$/);
    const shown = JSON.stringify([first?.providers, first?.deployments, first?.models]);
    expect(shown).not.toContain(ENV['OPENAI_KEY']);
    expect(first?.providers.find(({ name }) => name === 'openai')).toMatchObject({
      credential_set: true,
      credential_hint: 'ment',
      base_url: 'https://eu.example/v1',
    });
  });

  it('tells every mistake at once, with its line, and no secret', () => {
    const mistakes = mistakesOf(WRONG);
    const told = mistakes.map(({ line, path }) => `${line} ${path}`);
    expect(told).toEqual([
      '4 providers[0].kind',
      '5 providers[0].bse_url',
      '6 providers[1].base_url',
      '9 ',
      '10 providers[2].name',
      '12 providers[2].base_url',
      '13 providers[2].region',
      '16 deployments[0].provider',
      '18 deployments[1].name',
      '18 deployments[1].upstream_model',
      '21 models[0].strategy',
      '22 models[0].deployments',
      '23 models[1].name',
      '26 models[1].deployments[1].deployment',
      '27 models[1].deployments[2].deployment',
      '28 models[1].fallbacks[0]',
      '29 extra',
    ]);
    expect(JSON.stringify(mistakes)).not.toContain('7f3a');
  });

  it.each([
    ['a text that is no YAML', 'providers:\n  - {', 2],
    ['one key twice', 'models: []\nmodels: []\n', 2],
    ['a list', '- a\n', 1],
    ['a section that is no list', 'models: 7\n', 1],
    ['an entry that is no object', 'models:\n  - gpt\n', 2],
  ])('refuses %s', (_title, text, line) => {
    expect(mistakesOf(text)[0]?.line).toBe(line);
  });

  it.each(['docs/models.md', 'docs/zh/models.md'])('is written as %s says', (path) => {
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(path, 'utf8')) ?? [];
    const body = parseModelsFile(example, { path, textOf: () => 'sk-1' });
    expect(body.models).toHaveLength(1);
    expect(body.providers).toHaveLength(2);
  });

  it('may be empty', () => {
    for (const text of ['', '# nothing yet\n', 'models:\n']) {
      expect(parse(text)).toEqual({ providers: [], deployments: [], models: [] });
    }
  });

  it('stops at aliases that multiply', () => {
    const levels = Array.from({ length: 12 }, (_, level) =>
      level === 0 ? 'l0: &l0 [x]' : `l${level}: &l${level} [${`*l${level - 1},`.repeat(9)}]`,
    );
    expect(mistakesOf(levels.join('\n')).length).toBeGreaterThan(0);
  });

  it('says when it cannot be read', async () => {
    const reading = readModelsFile({ ...source, path: '/nonexistent/models.yaml' }, new Date(0));
    await expect(reading).rejects.toThrow(/cannot be read \(ENOENT\)/);
  });
});
