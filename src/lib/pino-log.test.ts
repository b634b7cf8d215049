import { expect, test } from 'vitest';
import { createLog, maskSecretText } from './pino-log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void, level = 'info' as const) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLog({ level, serviceName: 'llamp', serviceVersion: '1', destination }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('lines have ECS names', () => {
  const [line] = logged((log) => log.child({ component: 'x' }).info({ a: 1 }, 'said'));
  expect(line).toMatchObject({
    'log.level': 'info',
    message: 'said',
    'ecs.version': '8.17.0',
    'service.name': 'llamp',
    'service.version': '1',
    component: 'x',
    a: 1,
  });
  expect(line?.['@timestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('errors become fields, with their causes', () => {
  const error = new Error('outer', { cause: new TypeError('inner') });
  const [line] = logged((log) => log.error({ error }, 'failed'));
  expect(line).toMatchObject({ 'error.type': 'Error', 'error.message': 'outer' });
  expect(line?.['error.stack_trace']).toContain('caused by TypeError: inner');
});

test('lower levels are left out', () => {
  expect(logged((log) => log.debug({}, 'x'))).toEqual([]);
});

test('secrets stay out, by field and by form', () => {
  const canary = 'canary7f3acanary7f3a';
  const lines = logged((log) => {
    log.info({ apiKey: canary, nested: { password: canary } }, 'fields');
    log.info({ text: `sk-llamp-${canary}` }, `Authorization: Bearer ${canary}`);
    log.info({ url: `postgres://llamp:${canary}@db/llamp` }, 'url');
    log.error({ error: new Error(`connect redis://:${canary}@redis failed`) }, 'error');
  });
  expect(lines).toHaveLength(4);
  expect(JSON.stringify(lines)).not.toContain('canary');
  expect(JSON.stringify(lines)).toContain('postgres://llamp:[redacted]@db/llamp');
});

test('ordinary text is left as it is', () => {
  const text = 'GET http://host:8000/v1/models?x=y took 5 ms; ask-me; user@example.com';
  expect(maskSecretText(text)).toBe(text);
});
