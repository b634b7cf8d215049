import { describe, expect, test } from 'vitest';
import { createSecretBox } from '../../lib/secret-box.ts';
import type { AuditEvent } from './audit-event.ts';
import { CHAIN_START, chainHash } from './chain.ts';
import { type Checkpoint, createAuditKey, makeCheckpoint } from './checkpoint.ts';
import { type SealedEvent, type SealedLog, TAMPER_KINDS, type TamperKind } from './sealed-log.ts';
import { verifyChain } from './verify-chain.ts';

const TRIALS = 200;
const LENGTH = 40;
const CHECKPOINT_EVERY = 10;
const box = createSecretBox(new Uint8Array(32));
const key = createAuditKey('auditkey_1', new Date(0), box);

interface Link {
  hash: Uint8Array;
  event: AuditEvent | null;
}
interface Log {
  /** By number, from 1; a missing number is a seal that is gone. */
  links: Map<number, Link>;
  unsealed: { id: string; seq: number } | undefined;
}
/** Changes the log and returns the number at which it is no longer what it was. */
type Tamper = (log: Log, random: (below: number) => number) => number;

/** Small and seeded: a trial that fails can be run again. */
function seeded(seed: number) {
  let state = seed + 0x9e3779b9;
  return (below: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below;
  };
}

function eventOf(index: number, random: (below: number) => number): AuditEvent {
  return {
    id: `audit_${index}_${random(1e6)}`,
    created_at: new Date(1_700_000_000_000 + index * 1000),
    organization_id: 'org_1',
    project_id: random(2) === 0 ? null : 'proj_1',
    actor_kind: 'api_key',
    actor_id: 'key_1',
    actor_user_id: null,
    actor_key_id: 'key_1',
    actor_address: '192.0.2.1',
    actor_user_agent: null,
    action: 'keys.create',
    resource_kind: 'api_key',
    resource_id: `key_${index}`,
    outcome: 'success',
    reason: null,
    request_id: `req_${index}`,
    changes: { name: { before: random(9), after: `n${random(1e6)}` } },
    data_class: 'credential',
  };
}

function logOf(events: readonly AuditEvent[]): { log: Log; checkpoints: Checkpoint[] } {
  const links = new Map<number, Link>();
  const checkpoints: Checkpoint[] = [];
  let hash: Uint8Array = CHAIN_START;
  for (const [index, event] of events.entries()) {
    hash = chainHash(hash, event);
    const seq = index + 1;
    links.set(seq, { hash, event });
    if (seq % CHECKPOINT_EVERY === 0)
      checkpoints.push(makeCheckpoint({ seq, hash, time: event.created_at }, { key, box }));
  }
  return { log: { links, unsealed: undefined }, checkpoints };
}

function sealedLog({ links, unsealed }: Log): SealedLog {
  const sorted: SealedEvent[] = [...links]
    .map(([seq, link]) => ({ seq, ...link }))
    .sort((one, other) => one.seq - other.seq);
  return {
    read: async (afterSeq, limit) => sorted.filter(({ seq }) => seq > afterSeq).slice(0, limit),
    seqOfHash: async (hash) => sorted.find((link) => Buffer.compare(link.hash, hash) === 0)?.seq,
    unsealedAmongSealed: async () => unsealed,
  };
}

function linkAt(log: Log, seq: number): { hash: Uint8Array; event: AuditEvent } {
  const link = log.links.get(seq);
  if (link === undefined || link.event === null) throw new Error(`no link ${seq}`);
  return { hash: link.hash, event: link.event };
}

function renumber(log: Log, links: readonly Link[]): void {
  log.links = new Map(links.map((link, index) => [index + 1, link]));
}

/** Several ways of each kind; a trial takes one by chance. */
const TAMPERS: Readonly<Record<TamperKind, readonly Tamper[]>> = {
  edited: [
    (log, random) => {
      const seq = 1 + random(LENGTH);
      const { hash, event } = linkAt(log, seq);
      log.links.set(seq, { hash, event: { ...event, resource_id: 'another' } });
      return seq;
    },
    (log, random) => {
      const seq = 1 + random(LENGTH);
      const { hash, event } = linkAt(log, seq);
      const createdAt = new Date(event.created_at.getTime() + 1);
      log.links.set(seq, { hash, event: { ...event, created_at: createdAt } });
      return seq;
    },
    (log, random) => {
      const seq = 1 + random(LENGTH);
      const { event } = linkAt(log, seq);
      const hash = Buffer.from(linkAt(log, seq).hash);
      const at = random(32);
      hash.writeUInt8((hash.readUInt8(at) ^ (1 + random(255))) & 255, at);
      log.links.set(seq, { hash, event });
      return seq;
    },
  ],
  deleted: [
    (log, random) => {
      const seq = 1 + random(LENGTH);
      log.links.set(seq, { ...linkAt(log, seq), event: null });
      return seq;
    },
    (log, random) => {
      const seq = 1 + random(LENGTH - 1);
      log.links.delete(seq);
      return seq;
    },
    (log, random) => {
      const seq = 1 + random(LENGTH - 1);
      renumber(log, [...log.links.values()].toSpliced(seq - 1, 1));
      return seq;
    },
  ],
  inserted: [
    (log, random) => {
      const seq = 1 + random(LENGTH - 1);
      const event = eventOf(1000, random);
      const previous = seq === 1 ? CHAIN_START : linkAt(log, seq - 1).hash;
      const link = { event, hash: chainHash(previous, event) };
      renumber(log, [...log.links.values()].toSpliced(seq - 1, 0, link));
      return seq;
    },
    (log, random) => {
      const seq = 1 + random(LENGTH - 1);
      const link = { event: eventOf(1000, random), hash: new Uint8Array(32).fill(random(256)) };
      renumber(log, [...log.links.values()].toSpliced(seq - 1, 0, link));
      return seq;
    },
    (log, random) => {
      const seq = 1 + random(LENGTH);
      log.unsealed = { id: 'audit_extra', seq };
      return seq;
    },
  ],
  reordered: [
    (log, random) => {
      const [seq, other] = twoOf(random);
      const [one, two] = [linkAt(log, seq), linkAt(log, other)];
      log.links.set(seq, two).set(other, one);
      return seq;
    },
    (log, random) => {
      const [seq, other] = twoOf(random);
      const [one, two] = [linkAt(log, seq), linkAt(log, other)];
      log.links.set(seq, { hash: one.hash, event: two.event });
      log.links.set(other, { hash: two.hash, event: one.event });
      return seq;
    },
  ],
  truncated: [
    (log, random) => {
      const seq = 1 + random(LENGTH);
      for (let each = seq; each <= LENGTH; each += 1) log.links.delete(each);
      return seq;
    },
  ],
};

function twoOf(random: (below: number) => number): [number, number] {
  const seq = 1 + random(LENGTH - 1);
  return [seq, seq + 1 + random(LENGTH - seq)];
}

function prepared(seed: number) {
  const random = seeded(seed);
  const events = Array.from({ length: LENGTH }, (_, index) => eventOf(index, random));
  return { random, ...logOf(events) };
}

describe('ID-4 the verifier', () => {
  test.each(TAMPER_KINDS)(`names every log that was %s, in ${TRIALS} trials`, async (kind) => {
    const missed: unknown[] = [];
    for (let seed = 0; seed < TRIALS; seed += 1) {
      const { random, log, checkpoints } = prepared(seed);
      const ways = TAMPERS[kind];
      const way = random(ways.length);
      const seq = ways[way]?.(log, random);
      const { finding } = await verifyChain(sealedLog(log), checkpoints);
      if (finding?.kind !== kind || finding.seq !== seq) missed.push({ seed, way, seq, finding });
    }
    expect(missed).toEqual([]);
  });

  test(`raises no false alarm in ${TRIALS} logs that nobody touched`, async () => {
    for (let seed = 0; seed < TRIALS; seed += 1) {
      const { log, checkpoints } = prepared(seed);
      const verification = await verifyChain(sealedLog(log), checkpoints);
      expect(verification).toMatchObject({
        finding: undefined,
        verified: LENGTH,
        checkpoints: { signed: LENGTH / CHECKPOINT_EVERY, unsigned: 0 },
      });
    }
  });

  test('finds a chain that was computed anew after a change', async () => {
    const { random, log, checkpoints } = prepared(1);
    const events = [...log.links.values()].map((link) => link.event ?? eventOf(0, random));
    const forged = logOf(events.with(4, eventOf(5, random)));
    const { finding } = await verifyChain(sealedLog(forged.log), checkpoints);
    expect(finding).toMatchObject({ kind: 'edited', seq: CHECKPOINT_EVERY });
  });

  test('does not believe a checkpoint that was altered', async () => {
    const { log, checkpoints } = prepared(2);
    const [first, ...others] = checkpoints;
    const altered = [{ ...(first as Checkpoint), hash: 'ab'.repeat(32) }, ...others];
    const { finding } = await verifyChain(sealedLog(log), altered);
    expect(finding).toMatchObject({ kind: 'edited', seq: CHECKPOINT_EVERY });
  });

  test('proves a part of the chain', async () => {
    const { log, checkpoints } = prepared(3);
    log.links.set(3, { ...linkAt(log, 3), event: null });
    const range = { fromSeq: 11, toSeq: 30 };
    const { finding, verified } = await verifyChain(sealedLog(log), checkpoints, range);
    expect({ finding, verified }).toEqual({ finding: undefined, verified: 20 });
  });
});
