import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { terminalOutput } from '../../src/cli/output.ts';
import { runCli } from '../../src/cli/program.ts';
import { VARIABLE_NAMES, VARIABLES } from '../../src/config/schema.ts';
import { type GuideBlock, guideBlocks, linksIn, namesIn } from '../support/guide-blocks.ts';
import { createGuideRunner } from '../support/guide-runner.ts';
import { describeWithLegs } from '../support/legs.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import { createStartStage } from '../support/start-stage.ts';

const PAGES = ['docs/deployment.md', 'docs/zh/deployment.md'];
const TIMEOUT_MS = 600_000;
const MODES = ['llamp', 'server', 'compose', 'nginx', 'helm'];
const blocks = guideBlocks('docs/deployment.md');
const inMode = (mode: string): GuideBlock[] => blocks.filter((block) => block.mode === mode);

/** Files below a folder as one text, for names that scripts and manifests read. */
function textBelow(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

describe.each(PAGES)('OP-11 what %s names exists', (page) => {
  const names = namesIn(page);

  test('every block of commands is run, or says why it is not', () => {
    for (const { mode, reason, line } of guideBlocks(page)) {
      const isTold = MODES.includes(mode) || (mode === 'not run' && reason.length > 10);
      expect(isTold, `${page}:${line} has no marker: ${mode}`).toBe(true);
    }
    expect(guideBlocks(page).map(({ mode, text }) => [mode, text])).toEqual(
      blocks.map(({ mode, text }) => [mode, text]),
    );
  });

  test('links and paths lead to files', () => {
    const links = linksIn(page).map((link) => join(dirname(page), link));
    const paths = [...names.matchAll(/\b(?:deployments|docs|test|src|bench)\/[\w./-]*\w/g)].map(
      ([path]) => path,
    );
    // Made by the reader or by start.sh.
    const made = /deployments\/(?:docker\/(?:secrets|\.env|backups)|nginx\/certs\/tls\.)/;
    const missing = [...links, ...paths].filter((path) => !made.test(path) && !existsSync(path));
    expect(missing).toEqual([]);
    expect(paths.length).toBeGreaterThan(10);
  });

  test('variables are known to the configuration or to the scripts', () => {
    const scripts = textBelow('deployments');
    const known = new Set<string>(
      VARIABLE_NAMES.flatMap((name) => (VARIABLES[name].file ? [name, `${name}_FILE`] : [name])),
    );
    const own = new Set(['LLAMP_URL', 'LLAMP_API_KEY']);
    const used = [...names.matchAll(/\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b/g)].map(([name]) => name);
    const unknown = used.filter(
      (name) => !known.has(name) && !own.has(name) && !new RegExp(`\\b${name}\\b`).test(scripts),
    );
    expect(unknown).toEqual([]);
  });

  test('metrics and error codes exist', () => {
    const sources = textBelow('src') + readFileSync('deployments/nginx/nginx.conf', 'utf8');
    const metrics = [...names.matchAll(/\bllamp_[a-z_]+/g)].map(([name]) => name);
    const codes = [...names.matchAll(/^[a-z]+_(?:unavailable|required|failed)$/gm)].map(
      ([name]) => name,
    );
    expect([...metrics, ...codes].filter((name) => !sources.includes(name))).toEqual([]);
    expect(metrics.length).toBeGreaterThan(5);
  });

  test('sub-commands of start.sh, rollout.sh and llamp exist', async () => {
    const usage = (script: string) =>
      readFileSync(script, 'utf8').match(/^#.*$/gm)?.join('\n') ?? '';
    const called = (pattern: RegExp) => [
      ...new Set([...names.matchAll(pattern)].map(([, word]) => word ?? '')),
    ];
    const start = usage('deployments/docker/start.sh');
    for (const word of called(/start\.sh (?!compose)([a-z]+)/g)) {
      expect(start).toMatch(new RegExp(`start\\.sh \\[?${word}\\b`));
    }
    const rollout = usage('deployments/nginx/rollout.sh');
    for (const word of called(/rollout\.sh ([a-z]+)/g)) expect(rollout).toContain(`.sh ${word}`);
    for (const words of called(/^(?:[A-Z_]+=\S+ )?llamp ([a-z]+(?: [a-z]+)?)/gm)) {
      expect(await helpOf(words)).toContain(`Usage: llamp ${words}`);
    }
  });
});

/** In this process: starting one for each command takes longer than all of the rest. */
async function helpOf(words: string): Promise<string> {
  const printed: string[] = [];
  const print = (text: string) => void printed.push(text);
  await runCli([...words.split(' '), '--help'], {}, { ...terminalOutput, print });
  return printed.join('\n');
}

describe('OP-11 the commands of the guide', () => {
  test(
    'those for an embedded installation and a running server',
    async () => {
      const runner = await createGuideRunner();
      const installation = await startEmbedded();
      try {
        const [app] = installation.instances;
        for (const block of inMode('server')) {
          const environment = { LLAMP_URL: installation.url, LLAMP_API_KEY: installation.apiKey };
          await runner.run(block, environment);
        }
        await app?.stop();
        for (const block of inMode('llamp')) {
          await runner.run(block, { LLAMP_DATA_DIR: app?.dataDirectory ?? '' });
        }
        expect(inMode('server').length * inMode('llamp').length).toBeGreaterThan(0);
      } finally {
        await installation.stop();
        await runner.remove();
      }
    },
    TIMEOUT_MS,
  );

  test('those for Compose, with a stand-in for docker', async () => {
    const stage = await createStartStage();
    const runner = await createGuideRunner();
    try {
      const environment = { LLAMP_HTTP_PORT: `${stage.port}` };
      for (const { text, ...block } of inMode('compose')) {
        const found = `export PATH='${stage.docker}':"$PATH"; cd '${stage.top}'\n${text}`;
        await runner.run({ ...block, text: found }, environment);
      }
      expect(await stage.calls()).toContain('backup list');
      expect(inMode('compose').length).toBeGreaterThan(2);
    } finally {
      await runner.remove();
      await stage.remove();
    }
  });
});

describeWithLegs('OP-11 the commands of the guide for Nginx', ['nginx'], ({ nginx }) => {
  test('they run', async () => {
    const runner = await createGuideRunner([nginx]);
    try {
      for (const block of inMode('nginx')) await runner.run(block);
      expect(inMode('nginx').length).toBeGreaterThan(1);
    } finally {
      await runner.remove();
    }
  });
});

describeWithLegs('OP-11 the commands of the guide for Kubernetes', ['helm'], ({ helm }) => {
  test('they run', async () => {
    const runner = await createGuideRunner([helm]);
    try {
      for (const block of inMode('helm')) await runner.run(block);
      expect(inMode('helm').length).toBeGreaterThan(0);
    } finally {
      await runner.remove();
    }
  });
});
