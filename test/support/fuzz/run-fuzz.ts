import { draftOf, type Surroundings, urlOf } from './draft.ts';
import { bodyText } from './hostile-values.ts';
import { faultOf } from './judge.ts';
import type { Operation } from './operations.ts';
import { randomOf } from './random.ts';
import { type FuzzAnswer, type FuzzRequest, openSender, type Sender } from './send.ts';
import { twist } from './twists.ts';

export interface FuzzRun {
  readonly origin: string;
  readonly operations: readonly Operation[];
  readonly surroundings: Surroundings;
  /** Codes that the documentation lists. */
  readonly stableCodes: ReadonlySet<string>;
  readonly seed: number;
  readonly inputs: number;
  readonly connections: number;
  /** Sees every answer, for example to undo what would spoil the later ones. */
  onAnswer(request: FuzzRequest, answer: FuzzAnswer): Promise<void>;
}

export interface FuzzReport {
  readonly sent: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** What was wrong, each with the request to repeat it; the first few. */
  readonly faults: readonly string[];
}

const FAULTS_SHOWN = 20;
const SHOWN_LENGTH = 400;
const SEED_STEP = 7_919;

/** Sends `inputs` requests, each made from the seed and its own number, so that it can be made again. */
export async function runFuzz(run: FuzzRun): Promise<FuzzReport> {
  const sender = openSender(run.origin, run.connections);
  const faults: string[] = [];
  const byStatus: Record<string, number> = {};
  let next = 0;
  const work = async () => {
    while (next < run.inputs && faults.length < FAULTS_SHOWN) {
      const number = next++;
      const request = fuzzRequest(run, number);
      const { status, fault } = await tried(run, sender, request);
      byStatus[status] = (byStatus[status] ?? 0) + 1;
      if (fault !== undefined) faults.push(told(run.seed, number, request, fault));
    }
  };
  try {
    await Promise.all(Array.from({ length: run.connections }, work));
  } finally {
    sender.close();
  }
  return { sent: next, byStatus, faults };
}

/** Request `number` of a run. */
export function fuzzRequest(
  { operations, surroundings, seed }: FuzzRun,
  number: number,
): FuzzRequest {
  const operation = operations[number % operations.length];
  if (operation === undefined) throw new Error('there are no operations');
  const random = randomOf(seed + number * SEED_STEP);
  const draft = draftOf(operation, random, surroundings);
  twist(draft, random);
  const hasNoBody = draft.method === 'HEAD' || draft.method === 'GET';
  const written = draft.body === undefined ? undefined : bodyText(draft.body);
  return {
    method: draft.method,
    url: urlOf(draft),
    headers: draft.headers,
    body: hasNoBody ? undefined : (draft.bytes ?? written),
  };
}

async function tried(run: FuzzRun, sender: Sender, request: FuzzRequest) {
  try {
    const answer = await sender.send(request);
    await run.onAnswer(request, answer);
    const fault = faultOf(request, answer, run.stableCodes);
    const status = String(answer.status);
    return { status, fault: fault && `${fault}\n  answer ${status} ${shown(answer.text)}` };
  } catch (error) {
    return { status: 'none', fault: `no answer: ${(error as Error).message}` };
  }
}

function told(seed: number, number: number, request: FuzzRequest, fault: string): string {
  const { method, url, headers, body } = request;
  return [
    `FUZZ_SEED=${seed} input ${number}: ${fault}`,
    `  ${method} ${shown(url)}`,
    `  ${shown(JSON.stringify(headers))}`,
    `  ${shown(String(body))}`,
  ].join('\n');
}

const shown = (text: string) =>
  text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}… (${text.length})` : text;
