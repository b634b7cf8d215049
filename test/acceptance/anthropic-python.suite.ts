import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { legAddress } from '../support/legs.ts';
import type { MessagesTarget } from './anthropic-node.suite.ts';

const run = promisify(execFile);
const SCRIPT = 'test/acceptance/anthropic_python.py';
const CHECKS_MIN = 6;
const TIMEOUT_MS = 120_000;

/** The same promises, judged by the official SDK for Python with strict validation of every answer. */
export function anthropicPythonSuite(target: () => MessagesTarget): void {
  const python = legAddress('anthropic-python');

  test.skipIf(python === undefined)(
    'GW-16 messages with the anthropic package for Python',
    async () => {
      const { installation, chatModel } = target();
      const parameters = [SCRIPT, installation.url, installation.apiKey, chatModel];
      const { stdout } = await run(python ?? '', parameters, { timeout: TIMEOUT_MS }).catch(
        (error: { stdout?: string; stderr?: string }) => ({
          stdout: error.stdout || error.stderr || '',
        }),
      );
      const checks = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { check: string; ok: boolean });
      expect(checks.filter((check) => !check.ok)).toEqual([]);
      expect(checks.length).toBeGreaterThanOrEqual(CHECKS_MIN);
    },
  );
}
