import type { FastifyInstance } from 'fastify';
import type { Log } from '../../../lib/log.ts';
import type { Metrics } from '../../../lib/metrics.ts';
import type { OutboundGuard } from '../../../lib/outbound-guard/index.ts';
import type { SecretBox } from '../../../lib/secret-box.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import type { Audit } from '../../audit/index.ts';
import type { IdentityService } from '../../identity/index.ts';
import { WebhookAgents } from './checks/webhook-agents.ts';
import type { GuardrailAction, GuardrailDecision, GuardrailTools } from './guardrail.ts';
import { GuardrailDirectory } from './guardrail-directory.ts';
import { guardrailRoutes } from './guardrail-routes.ts';
import { GuardrailService } from './guardrail-service.ts';
import { openGuardrailSecret } from './sealed-secret.ts';
import type { Guardrails } from './guarded-inference.ts';

export interface GuardrailOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly audit: Pick<Audit, 'record'>;
  readonly guard: OutboundGuard;
  readonly box: SecretBox | undefined;
  readonly identity: Pick<IdentityService, 'getKey' | 'getProject'>;
}

export interface OpenedGuardrails extends Guardrails {
  /** The management API; register it under `/api/v1`. */
  routes(app: FastifyInstance): Promise<void>;
  /** Resolves when every change that was committed before the call is in force here. */
  refresh(): Promise<void>;
  /** Call it before the stores are closed. */
  close(): Promise<void>;
}

const AUDITED = {
  deny: 'guardrails.deny',
  mask: 'guardrails.mask',
  flag: 'guardrails.flag',
} as const satisfies Record<GuardrailAction, string>;

/** Loads the guardrails; rejects when the database cannot be asked. */
export async function openGuardrails(options: GuardrailOptions): Promise<OpenedGuardrails> {
  const { database, clock, log, metrics, audit, identity, guard, box } = options;
  const agents = new WebhookAgents(guard);
  const tools: GuardrailTools = { agents, openSecret: (row) => openGuardrailSecret(box, row) };
  const directory = new GuardrailDirectory({ database, clock, log, tools });
  await directory.open();
  // The change is committed by then; the directory looks for itself every second.
  const onChange = () =>
    directory
      .refresh()
      .catch((error: unknown) => log.warn({ error }, 'guardrails will be refreshed later'));
  const guardrails = new GuardrailService({
    database,
    clock,
    identity,
    guard,
    tools,
    box,
    onChange,
  });
  return {
    of: (principal) => directory.of(principal),
    record: ({ principal, requestId }, decision) => {
      const { guardrail, stage } = decision;
      metrics.guardrailDecisions.inc({ action: guardrail.action, stage });
      audit.record(principal, requestId, {
        action: AUDITED[guardrail.action],
        resource: { kind: 'guardrail', id: guardrail.id },
        outcome: guardrail.action === 'deny' ? 'denied' : 'success',
        reason: reasonOf(decision),
      });
    },
    routes: (app) => guardrailRoutes(app, { guardrails }),
    refresh: () => directory.refresh(),
    close: async () => {
      await directory.close();
      await agents.close();
    },
  };
}

/** `input: EMAIL 2, PHONE 1`. */
function reasonOf({ stage, found }: GuardrailDecision): string {
  return `${stage}: ${[...found].map(([label, count]) => `${label} ${count}`).join(', ')}`;
}
