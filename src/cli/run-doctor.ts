import { createInterface } from 'node:readline/promises';
import {
  type CheckObject,
  DRIFTED_VECTORS,
  overallStatus,
  reportObject,
} from '../domains/ops/doctor/index.ts';
import type { CommandContext } from './command-context.ts';
import type { DoctorRequest } from './doctor-request.ts';
import { examine } from './examine.ts';
import { CommandError, EXIT_FAILED, EXIT_WRONG_CONFIGURATION } from './exit-codes.ts';
import type { Output } from './output.ts';
import { rebuildKnowledge } from './rebuild-knowledge.ts';

/** Looks, reports and, when asked, repairs and looks again. */
export async function doctor(context: CommandContext, request: DoctorRequest): Promise<void> {
  const { env, output } = context;
  const first = await examine(env, request);
  const isRepaired = await repairIfAsked(first, context, request);
  const checks = isRepaired ? await examine(env, request) : first;
  if (request.json) output.json(reportObject(checks));
  else print(checks, output);
  const failed = checks.filter(({ status }) => status === 'fail');
  if (failed.length === 0) return;
  const isConfiguration = failed.some(({ id }) => id === 'configuration.valid');
  throw new CommandError(
    `failed: ${failed.map(({ id }) => id).join(', ')}`,
    isConfiguration ? EXIT_WRONG_CONFIGURATION : EXIT_FAILED,
  );
}

function print(checks: readonly CheckObject[], output: Output): void {
  output.table(
    ['STATUS', 'CHECK', 'FOUND'],
    checks.map(({ status, id, found }) => [status, id, found]),
  );
  const troubles = checks.filter(({ hint }) => hint !== null);
  if (troubles.length > 0) output.print('');
  for (const { status, id, title, hint } of troubles)
    output.print(`${status} ${id} (${title})\n  -> ${hint}`);
  output.print(`\n${overallStatus(checks)}: ${summary(checks)}`);
}

function summary(checks: readonly CheckObject[]): string {
  const count = (status: string) => checks.filter((check) => check.status === status).length;
  return `${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail, ${count('skip')} skipped`;
}

async function repairIfAsked(
  checks: readonly CheckObject[],
  { env, output }: CommandContext,
  request: DoctorRequest,
): Promise<boolean> {
  if (!request.repair) return false;
  const drifted = checks.find(({ id, status }) => id === DRIFTED_VECTORS && status === 'fail');
  if (drifted === undefined) {
    output.error('nothing that can be repaired here is broken');
    return false;
  }
  if (!request.yes && !(await isConfirmed(drifted))) return false;
  for (const result of await rebuildKnowledge(env, { keepIndex: true }))
    output.error(`${result.collection}: ${result.restored} put back`);
  return true;
}

async function isConfirmed({ found }: CheckObject): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new CommandError('there is no terminal to ask; give --yes to repair without asking');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `the vector index differs from what is stored (${found}); put it back? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
