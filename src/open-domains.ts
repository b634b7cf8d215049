import { join } from 'node:path';
import type { Config } from './config/config.ts';
import { changeStatement, openAudit } from './domains/audit/index.ts';
import {
  inferenceEmbeddingService,
  openGuardrails,
  openInference,
} from './domains/gateway/index.ts';
import {
  bootstrap,
  createPasswordHasher,
  IdentityService,
  MemberService,
  openKeyDirectory,
  type RecordChange,
  SetupService,
} from './domains/identity/index.ts';
import { createKnowledge, type Knowledge } from './domains/knowledge/index.ts';
import { BUILTIN_EMBEDDING_MODEL } from './domains/models/index.ts';
import { openLimits, openUsageRecorder } from './domains/usage/index.ts';
import { OutboundGuard } from './lib/outbound-guard/index.ts';
import type { SecretBox } from './lib/secret-box.ts';
import { modelsFromConfig } from './models-from-config.ts';
import type { RuntimeContext, Stores } from './runtime.ts';
import { openVerifiedSecretBox } from './secret-key.ts';
import { peopleFromConfig } from './sign-in-from-config.ts';

export type Domains = Awaited<ReturnType<typeof openDomains>>;

/** Every domain, each on those below it. */
export async function openDomains(stores: Stores, context: RuntimeContext) {
  const { config, log, clock, metrics } = context;
  const { database, blobs, index, queue } = stores;

  // First: a mistake in its file must not end a first start that has made a key and not shown it yet.
  const guard = new OutboundGuard({ allow: config.outboundAllow });
  const box = await openVerifiedSecretBox(config, { database, clock });
  const mode = config.auditMode;
  const audit = await openAudit({ database, blobs, box, clock, log, metrics, mode });
  const models = await modelsFromConfig(stores, context, { guard, box });
  const identities = await openIdentity(stores, context, box);
  const { identity } = identities;
  const { limits, recorder } = await openUsage(stores, context, identity);
  const opened = { database, clock, log, metrics };
  const guardrails = await openGuardrails({ ...opened, audit, identity, guard, box });
  const timeouts = timeoutsOf(config);
  const gateway = openInference({
    catalogue: models.catalogue,
    recorder,
    metrics,
    clock,
    log,
    timeouts,
    guard,
    guardrails,
    ephemeral: stores.ephemeral,
    limits: limits.enforcer,
    prices: limits.prices,
  });
  const knowledge = createKnowledge({
    database,
    blobs,
    index,
    jobs: queue,
    clock,
    log,
    metrics,
    embedding: inferenceEmbeddingService(gateway.inference),
    options: knowledgeOptions(config),
  });
  return { ...identities, limits, recorder, models, guardrails, gateway, knowledge, audit, box };
}

/** Who may act: fills an empty installation, then knows its keys and people. */
async function openIdentity(stores: Stores, context: RuntimeContext, box: SecretBox | undefined) {
  const { database } = stores;
  const { config, log, clock } = context;
  const passwords = createPasswordHasher();
  const firstStart = await bootstrap({ database, clock, passwords }, config.bootstrap);
  const keys = await openKeyDirectory({ database, clock, log });
  // The change is committed by then; the directory looks for itself every second.
  const onChange = () =>
    keys.refresh().catch((error: unknown) => log.warn({ error }, 'keys will be refreshed later'));
  const recordChange: RecordChange = (changer, change) => changeStatement(clock, changer, change);
  const identity = new IdentityService({ database, clock, onChange, recordChange });
  const setup = new SetupService({ database, clock, passwords, onChange, recordChange });
  const members = new MemberService({ database, clock, onChange, recordChange });

  const { installationId } = firstStart;
  const parts = { passwords, installationId, box, recordChange, onChange };
  const people = peopleFromConfig(stores, context, parts);
  const { signIn } = people;
  await signIn.open();
  return { firstStart, keys, people, signIn, identity, setup, members };
}

/** Limits and prices first: calls that a death interrupted are priced when the recorder opens. */
async function openUsage(stores: Stores, context: RuntimeContext, identity: IdentityService) {
  const { database, ephemeral: shared, localCounters: local } = stores;
  const { config, log, clock, metrics } = context;
  const limits = await openLimits({ database, shared, local, identity, clock, log });
  const { prices } = limits;
  const journalDirectory = join(config.dataDirectory, 'usage-journal');
  const options = { database, journalDirectory, clock, log, metrics, prices };
  return { limits, recorder: await openUsageRecorder(options) };
}

/** Knowledge without a server around it, for commands that only move what is stored: it cannot embed. */
export function openStoredKnowledge(stores: Stores, context: RuntimeContext): Knowledge {
  const { config, log, clock, metrics } = context;
  const embed = async () => {
    throw new Error('this command works with stored embeddings and makes none');
  };
  return createKnowledge({
    ...stores,
    jobs: stores.queue,
    clock,
    log,
    metrics,
    embedding: { embed },
    options: knowledgeOptions(config),
  });
}

function knowledgeOptions(config: Config) {
  return {
    defaultEmbeddingModel: config.embeddingModel ?? BUILTIN_EMBEDDING_MODEL,
    fileSizeMaxBytes: config.http.fileMaxBytes,
    ingestConcurrency: config.workers,
  };
}

function timeoutsOf({ upstreamTimeouts }: Config) {
  return {
    connectMs: upstreamTimeouts.connectTimeoutMs,
    firstTokenMs: upstreamTimeouts.firstTokenTimeoutMs,
    betweenFramesMs: upstreamTimeouts.betweenFramesTimeoutMs,
    totalMs: upstreamTimeouts.totalTimeoutMs,
  };
}
