import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Database } from '../../ports/database.ts';
import { principalOf } from '../identity/index.ts';
import { usageRecordNotFound } from './errors.ts';
import {
  findUsagePosition,
  listUsage,
  summarizeUsage,
  USAGE_GROUPS,
  type UsageFilter,
  type UsageGroup,
  type UsageSum,
} from './repository.ts';
import { usageObject } from './usage-row.ts';

const SUMS_MAX = 1000;

const Range = {
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  start_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_102_444_800 })),
  end_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_102_444_800 })),
};
const RangeQuery = Type.Object(Range);
const ListQuery = Type.Object({
  ...Range,
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
});
const SummaryQuery = Type.Object({
  ...Range,
  group_by: Type.Enum([...USAGE_GROUPS], { default: 'model' }),
});

/** Usage of the caller's project; register it under `/api/v1`. */
export async function usageRoutes(
  app: FastifyInstance,
  services: { database: Database },
): Promise<void> {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/usage',
    {
      config: { access: { action: 'usage.read' } },
      schema: { summary: 'List usage records', tags: ['usage'], querystring: ListQuery },
    },
    async (request) => {
      const filter = filterOf(principalOf(request).projectId, request.query);
      return pageOf(services, filter, request.query);
    },
  );
  app.get<{ Querystring: Static<typeof SummaryQuery> }>(
    '/usage/summary',
    {
      config: { access: { action: 'usage.read' } },
      schema: {
        summary: 'Sum usage by model, day or API key',
        tags: ['usage'],
        querystring: SummaryQuery,
      },
    },
    async (request) => {
      const filter = filterOf(principalOf(request).projectId, request.query);
      const { group_by: groupBy } = request.query;
      const database = services.database.forProject(filter.projectId);
      const sums = await summarizeUsage(database, {
        ...filter,
        groupBy,
        limit: SUMS_MAX,
      });
      return { object: 'list', data: sums.map((sum) => sumObject(sum, groupBy)) };
    },
  );
}

async function pageOf(
  services: { database: Database },
  filter: UsageFilter,
  page: { after?: string; limit: number },
) {
  const { projectId } = filter;
  const database = services.database.forProject(projectId);
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

const GROUP_FIELDS = { model: 'model', day: 'day', api_key: 'api_key_id' } as const;

function sumObject({ group_value: value, ...sums }: UsageSum, groupBy: UsageGroup) {
  return { object: 'usage.summary', [GROUP_FIELDS[groupBy]]: value, ...sums };
}

function filterOf(projectId: string, range: Static<typeof RangeQuery>): UsageFilter {
  return {
    projectId,
    model: range.model,
    from: instantOf(range.start_time),
    to: instantOf(range.end_time),
  };
}

const instantOf = (seconds: number | undefined) =>
  seconds === undefined ? undefined : new Date(seconds * 1000);
