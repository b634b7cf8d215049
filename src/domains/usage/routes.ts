import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Database } from '../../ports/database.ts';
import { principalOf } from '../identity/index.ts';
import { usageRecordNotFound } from './errors.ts';
import { findUsagePosition, listUsage, summarizeUsage, type UsageFilter } from './repository.ts';
import { usageObject } from './usage-row.ts';

const SUMMARY_MODELS_MAX = 1000;

const Range = {
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  start_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_102_444_800 })),
  end_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_102_444_800 })),
};
const ListQuery = Type.Object({
  ...Range,
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
});
const SummaryQuery = Type.Object(Range);

/** Usage of the caller's project; register it under `/api/v1`. */
export async function usageRoutes(
  app: FastifyInstance,
  services: { database: Database },
): Promise<void> {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/usage',
    {
      config: { access: { scope: 'management' } },
      schema: { summary: 'List usage records', tags: ['usage'], querystring: ListQuery },
    },
    async (request) => {
      const filter = filterOf(principalOf(request).projectId, request.query);
      return pageOf(services.database, filter, request.query);
    },
  );
  app.get<{ Querystring: Static<typeof SummaryQuery> }>(
    '/usage/summary',
    {
      config: { access: { scope: 'management' } },
      schema: { summary: 'Sum usage by model', tags: ['usage'], querystring: SummaryQuery },
    },
    async (request) => {
      const filter = filterOf(principalOf(request).projectId, request.query);
      const sums = await summarizeUsage(services.database, {
        ...filter,
        limit: SUMMARY_MODELS_MAX,
      });
      return { object: 'list', data: sums.map((sum) => ({ object: 'usage.summary', ...sum })) };
    },
  );
}

async function pageOf(
  database: Database,
  filter: UsageFilter,
  page: { after?: string; limit: number },
) {
  const { projectId } = filter;
  const after =
    page.after === undefined
      ? undefined
      : await findUsagePosition(database, { projectId, id: page.after });
  if (page.after !== undefined && after === undefined) throw usageRecordNotFound(page.after);
  // One more than asked for tells whether there is a next page.
  const rows = await listUsage(database, { ...filter, after, limit: page.limit + 1 });
  const shown = rows.slice(0, page.limit);
  return {
    object: 'list',
    data: shown.map(usageObject),
    first_id: shown[0]?.id ?? null,
    last_id: shown.at(-1)?.id ?? null,
    has_more: rows.length > page.limit,
  };
}

function filterOf(projectId: string, range: Static<typeof SummaryQuery>): UsageFilter {
  return {
    projectId,
    model: range.model,
    from: instantOf(range.start_time),
    to: instantOf(range.end_time),
  };
}

const instantOf = (seconds: number | undefined) =>
  seconds === undefined ? undefined : new Date(seconds * 1000);
