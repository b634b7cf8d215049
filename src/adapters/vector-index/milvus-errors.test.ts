import { expect, it } from 'vitest';
import { failureInAnswer, failureInThrown, toVectorIndexError } from './milvus-errors.ts';

it.each([
  ['UnexpectedError', "can't find collection collection not found[database=default]", 'missing'],
  ['CollectionNotExists', "collection 'kb_x' does not exist", 'missing'],
  ['UnexpectedError', 'failed to search: collection not loaded[collection=47]', 'not_loaded'],
  ['CreateRoleFailure', "index already exists for field 'embedding'", 'exists'],
  ['IllegalArgument', 'index type not match', 'other'],
])('knows %s: %s', (error_code, reason, kind) => {
  expect(failureInAnswer({ error_code, reason })).toMatchObject({ kind, reason });
  expect(failureInAnswer({ status: { error_code, reason } })).toMatchObject({ kind });
  expect(failureInThrown({ error_code, reason })).toMatchObject({ kind });
});

it('sees no failure in a success', () => {
  expect(failureInAnswer({ status: { error_code: 'Success', reason: '' } })).toBeUndefined();
  expect(failureInAnswer({ error_code: 'Success', reason: '' })).toBeUndefined();
  expect(failureInAnswer({ version: 'v2.3.5' })).toBeUndefined();
});

it.each([
  [4, 'timeout'],
  [8, 'overloaded'],
  [14, 'unavailable'],
  [1, 'unavailable'],
  [13, 'failed'],
])('maps the gRPC code %i to %s', (code, expected) => {
  const failure = failureInThrown(Object.assign(new Error('no luck'), { code }));
  expect(toVectorIndexError(failure, 'search', 'kb_x', undefined)).toMatchObject({
    code: expected,
    message: 'search in Milvus: no luck',
    collection: 'kb_x',
  });
});

it('keeps what is no error object', () => {
  expect(failureInThrown('plain').reason).toBe('plain');
  expect(failureInThrown(undefined).kind).toBe('other');
});
