import { expect, it } from 'vitest';
import { recordingLog } from '../../../test/support/recording-log.ts';
import { systemClock } from '../../adapters/clock/system.ts';
import { createMetrics } from '../../lib/metrics.ts';
import type { UsageRecord } from '../usage/index.ts';
import { CallMeter } from './call-meter.ts';

it('records a call whose tokens cannot be estimated', () => {
  const records: UsageRecord[] = [];
  const { log, lines } = recordingLog();
  const services = {
    recorder: {
      begin: () => undefined,
      record: (record: UsageRecord) => void records.push(record),
    },
    metrics: createMetrics(),
    clock: systemClock,
    log,
  };
  const meter = new CallMeter(services, {
    principal: {
      kind: 'api_key',
      organizationId: 'org_1',
      projectId: 'proj_1',
      apiKeyId: 'key_1',
      scopes: ['inference'],
    },
    requestId: 'req_1',
    endpoint: 'chat.completions',
    model: 'm',
    modelLabel: 'm',
    streamed: true,
    json: { messages: [{ role: 'user', content: 'hi' }] },
    bodyBytes: 47,
  });
  const estimateCompletion = () => {
    throw new RangeError('Maximum call stack size exceeded');
  };
  meter.settle({ status: 'completed', estimateCompletion });
  expect(records).toMatchObject([
    { status: 'completed', estimated: true, promptTokens: 1, completionTokens: 0 },
  ]);
  expect(lines.map((line) => line.level)).toEqual(['warn']);
});
