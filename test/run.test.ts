import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { findLeftovers, killLeftovers, RUN_MARKER } from './support/runner/leftovers.ts';
import { legVariables, missingLegs, startLegs } from './support/runner/legs-in-use.ts';
import { countTests } from './support/runner/project-run.ts';
import { parseRunOptions } from './support/runner/run-options.ts';
import { countFailures, summary } from './support/runner/summary.ts';
import { testEnvironment } from './support/runner/test-environment.ts';
import type { TestServer } from './support/servers/test-server.ts';

const reported = (status: string, tests: string[]) => ({
  name: `${process.cwd()}/src/a.test.ts`,
  status,
  message: '',
  assertionResults: tests.map((test, index) => ({ status: test, fullName: `test ${index}` })),
});

test('without arguments every project runs on every server', () => {
  expect(parseRunOptions([], {})).toEqual({
    projects: ['unit', 'contract', 'integration', 'acceptance'],
    filters: [],
    legs: undefined,
    legsRequired: false,
    staticChecks: true,
  });
});

test('unit tests alone start no server and require none', () => {
  const options = parseRunOptions(['--project', 'unit', 'clock'], {
    LLAMP_TEST_LEGS_REQUIRED: '1',
  });
  expect(options).toMatchObject({
    projects: ['unit'],
    legs: [],
    filters: ['clock'],
    legsRequired: false,
  });
});

test('a wrong project is refused by name', () => {
  expect(() => parseRunOptions(['--project', 'units'], {})).toThrow('no project "units"');
});

test('nothing of an installation reaches the tests', () => {
  const environment = testEnvironment(
    {
      DATABASE_URL: 'x',
      LLAMP_PORT: '1',
      OPENAI_API_KEY: 'x',
      PGHOST: 'x',
      HOME: '/h',
      PATH: '/bin',
    },
    { LLAMP_TEST_LEG_REDIS: 'redis://x' },
  );
  expect(Object.keys(environment).toSorted()).toEqual(['HOME', 'LLAMP_TEST_LEG_REDIS', 'PATH']);
  expect(environment['PATH']).toMatch(/node_modules\/\.bin:\/bin$/);
});

test('a project without tests is a failure, unless a filter excluded them', () => {
  expect(countTests('unit', { testResults: [] }, 1, [])).toMatchObject({ failed: 1 });
  expect(countTests('unit', { testResults: [] }, 1, ['clock'])).toMatchObject({ failed: 0 });
});

test('passed, failed and skipped tests are counted and skipped ones are named', () => {
  const report = { testResults: [reported('failed', ['passed', 'failed', 'pending'])] };
  expect(countTests('unit', report, 1, [])).toEqual({
    project: 'unit',
    passed: 1,
    failed: 1,
    skipped: ['src/a.test.ts: test 2'],
  });
});

test('a file that cannot be loaded and an unhandled error are failures', () => {
  const broken = { testResults: [reported('failed', [])] };
  expect(countTests('unit', broken, 1, [])).toMatchObject({
    failed: 1,
    trouble: expect.stringContaining('outside its tests'),
  });
  const unhandled = { testResults: [reported('passed', ['passed'])] };
  expect(countTests('unit', unhandled, 1, [])).toMatchObject({ passed: 1, failed: 1 });
});

test('the very last line counts tests, failed checks and leftover processes', () => {
  const project = { project: 'unit' as const, passed: 3, failed: 0, skipped: ['a'], durationMs: 1 };
  const check = { name: 'type check', passed: false, output: '', durationMs: 1 };
  const result = { checks: [check], projects: [project], leftovers: ['12 redis-server'] };
  expect(summary(result).split('\n').at(-1)).toBe('3 passed, 2 failed, 1 skipped');
  expect(countFailures({ checks: [], projects: [project], leftovers: [] })).toBe(0);
});

test('a run in which nothing ran is a failure', () => {
  const project = { project: 'unit' as const, passed: 0, failed: 0, skipped: [], durationMs: 1 };
  expect(countFailures({ checks: [], projects: [project], leftovers: [] })).toBe(1);
});

test('a leg that is not installed is left out with its install command', async () => {
  const server: TestServer = {
    leg: 'redis',
    install: 'apt-get install redis-server',
    find: async () => ({ missing: 'not installed: redis-server' }),
    start: async () => ({ address: '', stop: async () => undefined }),
  };
  const legs = await startLegs([server], undefined, '/nonexistent');
  expect(legVariables(legs)).toEqual({});
  expect(missingLegs(legs)).toContain('apt-get install redis-server');
});

test.runIf(process.platform === 'linux')(
  'a process that a test left behind is found and killed',
  async () => {
    const runId = `leftover-${process.pid}`;
    const child = spawn('sleep', ['60'], { env: { ...process.env, [RUN_MARKER]: runId } });
    await once(child, 'spawn');
    expect(findLeftovers(runId)).toEqual([{ pid: child.pid, command: 'sleep 60' }]);
    const ended = once(child, 'exit');
    killLeftovers(runId);
    expect(await ended).toEqual([null, 'SIGKILL']);
  },
);
