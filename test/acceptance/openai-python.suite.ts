import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { legAddress } from '../support/legs.ts';
import type { Target } from './openai-node.suite.ts';

const run = promisify(execFile);
const SCRIPT = 'test/acceptance/openai_python.py';
const TIMEOUT_MS = 120_000;

/** The same promises, judged by the official SDK for Python with strict validation of every answer. */
export function openaiPythonSuite(target: () => Target): void {
  const python = legAddress('openai-python');

  test.skipIf(python === undefined)(
    'GW-1 KB-1 everything with the openai package for Python',
    async () => {
      const { url, apiKey, chatModel, embeddingModel } = target();
      const parameters = [SCRIPT, `${url}/v1`, apiKey, chatModel, embeddingModel];
      const { stdout } = await run(python ?? '', parameters, { timeout: TIMEOUT_MS }).catch(
        (error: { stdout?: string; stderr?: string }) => ({
          stdout: error.stdout ?? error.stderr ?? '',
        }),
      );
      const checks = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { check: string; ok: boolean });
      expect(checks.filter((check) => !check.ok)).toEqual([]);
      expect(checks.length).toBeGreaterThanOrEqual(8);
    },
  );
}
