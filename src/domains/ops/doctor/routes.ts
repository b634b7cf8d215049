import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { checkObject, reportObject } from './report.ts';
import type { CheckReport } from './run-checks.ts';
import { LANGUAGES } from './text.ts';

const Query = Type.Object({
  lang: Type.Enum([...LANGUAGES], { default: 'en' }),
});

/** What `llamp doctor` asks of a running server; register it under `/api/v1`. */
export async function doctorRoutes(
  app: FastifyInstance,
  { doctor }: { doctor: { report(): Promise<CheckReport[]> } },
): Promise<void> {
  app.get<{ Querystring: Static<typeof Query> }>(
    '/doctor',
    {
      config: { access: { action: 'operations.read' as const } },
      schema: { summary: 'Check what is stored', tags: ['operations'], querystring: Query },
    },
    async (request) => {
      const reports = await doctor.report();
      return reportObject(reports.map((each) => checkObject(each, request.query.lang)));
    },
  );
}
