import { CHAIN_START, chainHash, isSameHash } from './chain.ts';
import { type Checkpoint, checkpointState } from './checkpoint.ts';
import { classifyBreak } from './classify-break.ts';
import type { Finding, SealedEvent, SealedLog } from './sealed-log.ts';

export interface Verification {
  readonly finding: Finding | undefined;
  /** Links that were proven. */
  readonly verified: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly checkpoints: { readonly signed: number; readonly unsigned: number };
}

export interface VerifyRange {
  /** First and last number to prove; by default the whole chain. The link before the first one is taken for true. */
  readonly fromSeq?: number;
  readonly toSeq?: number;
}

const PAGE = 1_000;

/** Proves the chain, and that it is the one which the checkpoints saw. Stops at the first thing that is wrong. */
export async function verifyChain(
  log: SealedLog,
  checkpoints: readonly Checkpoint[],
  range: VerifyRange = {},
): Promise<Verification> {
  const fromSeq = range.fromSeq ?? 1;
  const toSeq = range.toSeq ?? Number.MAX_SAFE_INTEGER;
  const known = checkpoints.filter(({ seq }) => seq >= fromSeq && seq <= toSeq);
  const counts = { signed: 0, unsigned: 0 };
  for (const checkpoint of known) {
    const state = checkpointState(checkpoint);
    if (state === 'altered') {
      const detail = `the checkpoint at ${checkpoint.seq} is not what its key signed`;
      return result(
        { kind: 'edited', seq: checkpoint.seq, detail },
        0,
        fromSeq,
        fromSeq - 1,
        counts,
      );
    }
    counts[state] += 1;
  }
  const walk = await walkChain(log, known, { fromSeq, toSeq });
  const finding = walk.finding ?? (await afterWalk(log, known, walk.lastSeq));
  const verified = Math.max(0, walk.lastSeq - fromSeq + 1);
  return result(finding, verified, fromSeq, walk.lastSeq, counts);
}

function result(
  finding: Finding | undefined,
  verified: number,
  firstSeq: number,
  lastSeq: number,
  checkpoints: Verification['checkpoints'],
): Verification {
  return { finding, verified, firstSeq, lastSeq, checkpoints };
}

interface Walk {
  readonly finding: Finding | undefined;
  /** The last link that was proven. */
  readonly lastSeq: number;
}

async function walkChain(
  log: SealedLog,
  checkpoints: readonly Checkpoint[],
  { fromSeq, toSeq }: { fromSeq: number; toSeq: number },
): Promise<Walk> {
  const hashes = new Map(checkpoints.map(({ seq, hash }) => [seq, Buffer.from(hash, 'hex')]));
  let previous = await hashBefore(log, fromSeq);
  let beforePrevious: Uint8Array | undefined;
  let lastSeq = fromSeq - 1;
  for (;;) {
    const page = await log.read(lastSeq, PAGE);
    for (const link of page) {
      if (link.seq > toSeq) return { finding: undefined, lastSeq };
      const place = { expectedSeq: lastSeq + 1, previous, beforePrevious };
      if (!isLink(link, place)) {
        const finding = await classifyBreak(log, checkpoints, { ...place, link });
        return { finding, lastSeq };
      }
      const seen = hashes.get(link.seq);
      if (seen !== undefined && !isSameHash(seen, link.hash)) {
        return { finding: await rewritten(log, link.seq, seen), lastSeq };
      }
      beforePrevious = previous;
      previous = link.hash;
      lastSeq = link.seq;
    }
    if (page.length < PAGE) return { finding: undefined, lastSeq };
  }
}

function isLink(link: SealedEvent, place: { expectedSeq: number; previous: Uint8Array }): boolean {
  return (
    link.seq === place.expectedSeq &&
    link.event !== null &&
    isSameHash(chainHash(place.previous, link.event), link.hash)
  );
}

async function hashBefore(log: SealedLog, fromSeq: number): Promise<Uint8Array> {
  if (fromSeq <= 1) return CHAIN_START;
  const [before] = await log.read(fromSeq - 2, 1);
  return before?.seq === fromSeq - 1 ? before.hash : CHAIN_START;
}

/** The chain fits together, and is another one than the checkpoint saw: somebody computed it anew. */
async function rewritten(log: SealedLog, seq: number, seen: Uint8Array): Promise<Finding> {
  const moved = await log.seqOfHash(seen);
  const detail = `the chain up to ${seq} was computed anew: its checkpoint saw another one`;
  if (moved === undefined) return { kind: 'edited', seq, detail };
  return { kind: moved < seq ? 'deleted' : 'inserted', seq, detail };
}

async function afterWalk(
  log: SealedLog,
  checkpoints: readonly Checkpoint[],
  lastSeq: number,
): Promise<Finding | undefined> {
  const beyond = checkpoints.find(({ seq }) => seq > lastSeq);
  if (beyond !== undefined) {
    const detail = `a checkpoint saw the chain at ${beyond.seq}, and it ends at ${lastSeq}`;
    return { kind: 'truncated', seq: lastSeq + 1, detail };
  }
  const extra = await log.unsealedAmongSealed();
  if (extra === undefined || extra.seq > lastSeq) return undefined;
  const detail = `the event ${extra.id} stands between sealed ones and was never sealed`;
  return { kind: 'inserted', seq: extra.seq, detail };
}
