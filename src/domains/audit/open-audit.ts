import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { Metrics } from '../../lib/metrics.ts';
import { AccessRecorder, type AuditMode } from './access-recorder.ts';
import type { Changer } from '../identity/index.ts';
import { auditEvent, type Change } from './record-change.ts';
import { auditRoutes } from './routes.ts';
import { AuditSealer, type SealerOptions } from './sealer.ts';
import { watchRoutes } from './watch-routes.ts';

export interface AuditOptions extends SealerOptions {
  readonly metrics: Metrics;
  readonly mode: AuditMode;
}

/** The log of who did what, while a server runs. */
export interface Audit {
  /** The management API; register it under `/api/v1`. */
  readonly routes: (app: FastifyInstance) => Promise<void>;
  /** The same routes; who reads on them, and who is refused, is written down. */
  watched(plugin: FastifyPluginAsync): FastifyPluginAsync;
  /** Writes down what the platform decided about a call; nobody waits for it. */
  record(caller: Changer, requestId: string, change: Change): void;
  /** When no request runs any more: writes and seals what is left. */
  close(): Promise<void>;
}

/** Begins to seal, and to take reads. Call it before anything is written down: the months are prepared here first. */
export async function openAudit(options: AuditOptions): Promise<Audit> {
  const { database, clock, log, metrics, mode } = options;
  const onDropped = (count: number) => metrics.auditDropped.inc({}, count);
  const access = new AccessRecorder({ database, clock, log, mode, onDropped });
  const sealer = new AuditSealer(options);
  await sealer.prepareMonths();
  sealer.start();
  return {
    routes: (app) => auditRoutes(app, { database }),
    watched: (plugin) => async (app, registered) => {
      watchRoutes(app, { access, clock });
      await plugin(app, registered);
    },
    record: (caller, requestId, change) => {
      const origin = { requestId, address: null, userAgent: null };
      access.record(auditEvent(clock, { ...caller, origin }, change));
    },
    close: async () => {
      await access.close();
      await sealer.close();
    },
  };
}
