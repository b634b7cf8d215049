import type {} from '@fastify/swagger';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Database } from '../../ports/database.ts';
import { listObject, principalOf, type Reach, reachOf } from '../identity/index.ts';
import { AUDIT_ACTION_NAMES } from './actions.ts';
import { AUDIT_OUTCOMES, auditEventObject } from './audit-event.ts';
import { auditEventNotFound } from './errors.ts';
import { exportEvents } from './export-events.ts';
import { type AuditFilter, findAuditPosition, listAuditEvents } from './repository.ts';

const config = { access: { action: 'audit.read' as const } };
const tags = ['audit'];
const Name = Type.String({ minLength: 1, maxLength: 256 });
const Range = {
  start_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_102_444_800 })),
  end_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_102_444_800 })),
};
const ExportQuery = Type.Object(Range);
const ListQuery = Type.Object({
  ...Range,
  actor: Type.Optional(Name),
  action: Type.Optional(Type.Enum([...AUDIT_ACTION_NAMES])),
  project_id: Type.Optional(Name),
  resource_kind: Type.Optional(Name),
  resource_id: Type.Optional(Name),
  outcome: Type.Optional(Type.Enum([...AUDIT_OUTCOMES])),
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
});

/** Who did what in the caller's organization; register it under `/api/v1`. */
export async function auditRoutes(
  app: FastifyInstance,
  { database }: { database: Database },
): Promise<void> {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/audit',
    { config, schema: { summary: 'List audit events', tags, querystring: ListQuery } },
    async (request) => {
      const page = await pageOf(database, reachOf(principalOf(request)), request.query);
      return listObject(page, auditEventObject);
    },
  );
  app.get<{ Querystring: Static<typeof ExportQuery> }>(
    '/audit/export',
    { config, schema: { summary: 'Export audit events', tags, querystring: ExportQuery } },
    async (request, reply) => {
      const { start_time: from, end_time: to } = request.query;
      const { organizationId, projectId } = reachOf(principalOf(request));
      const range = { organizationId, projectId, from: instantOf(from), to: instantOf(to) };
      return reply
        .header('content-type', 'application/x-ndjson; charset=utf-8')
        .header('content-disposition', 'attachment; filename="audit.ndjson"')
        .send(Readable.from(exportEvents(database, range)));
    },
  );
}

async function pageOf(database: Database, reach: Reach, query: Static<typeof ListQuery>) {
  const { organizationId } = reach;
  const { after: id, limit } = query;
  const after =
    id === undefined ? undefined : await findAuditPosition(database, { organizationId, id });
  if (id !== undefined && after === undefined) throw auditEventNotFound(id);
  const filter = filterOf(reach, query);
  // One more than asked for tells whether there is a next page.
  const rows = await listAuditEvents(database, { ...filter, after, limit: limit + 1 });
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}

function filterOf(reach: Reach, query: Static<typeof ListQuery>): AuditFilter {
  const { organizationId, projectId } = reach;
  return {
    organizationId,
    projectId: query.project_id,
    reachedProjectId: projectId ?? undefined,
    actorId: query.actor,
    action: query.action,
    resourceKind: query.resource_kind,
    resourceId: query.resource_id,
    outcome: query.outcome,
    from: instantOf(query.start_time),
    to: instantOf(query.end_time),
  };
}

const instantOf = (seconds: number | undefined) =>
  seconds === undefined ? undefined : new Date(seconds * 1000);
