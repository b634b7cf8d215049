import { chainHash, isSameHash } from './chain.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Finding, SealedEvent, SealedLog, TamperKind } from './sealed-log.ts';

const PAGE = 1_000;

/** The first link that does not hold, and the proven ones before it. */
export interface Break {
  readonly link: SealedEvent;
  readonly expectedSeq: number;
  readonly previous: Uint8Array;
  /** What stood before the link before; undefined for the first two. */
  readonly beforePrevious: Uint8Array | undefined;
}

/** Says what was done to the chain where it breaks. */
export async function classifyBreak(
  log: SealedLog,
  checkpoints: readonly Checkpoint[],
  at: Break,
): Promise<Finding> {
  const { link, expectedSeq: seq } = at;
  if (link.seq !== seq)
    return finding('deleted', seq, `the seals ${seq} to ${link.seq - 1} are gone`);
  if (link.event === null) return finding('deleted', seq, 'the event of this seal is gone');
  if (at.beforePrevious !== undefined && holds(at.beforePrevious, link)) {
    return finding('inserted', seq - 1, 'the link after it continues the one before it');
  }
  const [next] = await log.read(link.seq, 1);
  if (next !== undefined && holds(at.previous, next)) return await extraOrMoved(log, at);
  if (await isMoved(log, at)) return finding('reordered', seq, 'another link belongs here');
  if (await isShifted(log, checkpoints, link)) {
    return finding('deleted', seq, 'links are gone and the later ones were renumbered');
  }
  return finding('edited', seq, 'the event, or its seal, is not as it was sealed');
}

/** The link after the break would hold in its place: it was put in, or belongs further back. */
async function extraOrMoved(log: SealedLog, at: Break): Promise<Finding> {
  const { link, expectedSeq: seq } = at;
  const belongsLater = await findLater(log, link.seq, (later) => holds(later.hash, link));
  return belongsLater
    ? finding('reordered', seq, 'this link belongs further back')
    : finding('inserted', seq, 'this link was never part of the chain');
}

/** Some later link belongs here, as a whole or by its event alone. */
function isMoved(log: SealedLog, { link, previous }: Break): Promise<boolean> {
  return findLater(log, link.seq, (later) => {
    if (later.event === null) return false;
    const hash = chainHash(previous, later.event);
    return isSameHash(hash, later.hash) || isSameHash(hash, link.hash);
  });
}

/** What a checkpoint saw stands earlier now. */
async function isShifted(
  log: SealedLog,
  checkpoints: readonly Checkpoint[],
  link: SealedEvent,
): Promise<boolean> {
  // The first of them may have been the link that is gone.
  for (const { seq, hash } of checkpoints.filter((each) => each.seq >= link.seq).slice(0, 2)) {
    const present = await log.seqOfHash(Buffer.from(hash, 'hex'));
    if (present !== undefined && present < seq) return true;
  }
  return false;
}

async function findLater(
  log: SealedLog,
  afterSeq: number,
  matches: (link: SealedEvent) => boolean,
): Promise<boolean> {
  let last = afterSeq;
  for (;;) {
    const page = await log.read(last, PAGE);
    if (page.some(matches)) return true;
    if (page.length < PAGE) return false;
    last = page.at(-1)?.seq ?? last;
  }
}

const holds = (previous: Uint8Array, link: SealedEvent) =>
  link.event !== null && isSameHash(chainHash(previous, link.event), link.hash);

const finding = (kind: TamperKind, seq: number, detail: string): Finding => ({ kind, seq, detail });
