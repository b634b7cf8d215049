import { describe, expect, it } from 'vitest';
import { deploymentNamed } from '../../../../test/support/routed-deployments.ts';
import { conversationSeed, deploymentOfConversation } from './affinity.ts';

const user = (content: unknown) => ({ role: 'user', content });
const SYSTEM = { role: 'system', content: 'Be brief.' };

describe('the seed of a conversation', () => {
  const seedOf = (json: Record<string, unknown>) => conversationSeed('p', json);

  it('stays while the conversation grows', () => {
    const begun = [SYSTEM, user('hello')];
    const grown = [...begun, { role: 'assistant', content: 'hi' }, user('and now?')];
    expect(seedOf({ messages: grown })).toBe(seedOf({ messages: begun }));
    expect(seedOf({ messages: begun })).toBeDefined();
  });

  it.each([
    ['another first question', { messages: [SYSTEM, user('other')] }],
    ['another system prompt', { messages: [user('hello')] }],
    ['a user', { user: 'u', messages: [SYSTEM, user('hello')] }],
    ['a cache key', { prompt_cache_key: 'k', messages: [SYSTEM, user('hello')] }],
  ])('differs with %s', (_name, json) => {
    expect(seedOf(json)).not.toBe(seedOf({ messages: [SYSTEM, user('hello')] }));
  });

  it('is the one of the cache key or the user, whatever is said', () => {
    const said = [[user('a')], [user('b')]];
    const [first, second] = said.map((messages) => seedOf({ prompt_cache_key: 'k', messages }));
    expect(first).toBe(second);
    expect(seedOf({ user: 'u', messages: said[0] })).toBe(seedOf({ user: 'u' }));
    expect(seedOf({ metadata: { user_id: 'u' } })).toBe(seedOf({ user: 'u' }));
  });

  it('reads parts of messages', () => {
    const parts = (text: string) => [user([{ type: 'text', text }, { type: 'image_url' }])];
    expect(seedOf({ messages: parts('a') })).not.toBe(seedOf({ messages: parts('b') }));
  });

  it('differs between projects', () => {
    expect(conversationSeed('p', { user: 'u' })).not.toBe(conversationSeed('q', { user: 'u' }));
  });

  it.each([{}, { prompt: 'once upon' }, { messages: [] }, { messages: 'x' }, { user: 7 }])(
    'is unknown for %j',
    (json) => expect(seedOf(json)).toBeUndefined(),
  );
});

describe('GW-20 affinity', () => {
  const pool = ['a', 'b', 'c', 'd'].map((name) => deploymentNamed(name));
  const SEEDS = Array.from({ length: 10_000 }, (_, index) => {
    return conversationSeed('p', { user: `user-${index}` }) ?? 0;
  });
  const placed = (deployments: typeof pool) =>
    SEEDS.map((seed) => deploymentOfConversation(deployments, seed)?.name);

  it('spreads conversations by weight', () => {
    const heavier = [deploymentNamed('a', { weight: 3 }), deploymentNamed('b', { weight: 1 })];
    const share = placed(heavier).filter((name) => name === 'a').length / 100;
    expect(Math.abs(share - 75)).toBeLessThan(1.5);
    const even = placed(pool).filter((name) => name === 'a').length / 100;
    expect(Math.abs(even - 25)).toBeLessThan(1.5);
  });

  it('moves only the conversations of what leaves, and brings them back', () => {
    const before = placed(pool);
    const without = placed(pool.filter(({ name }) => name !== 'b'));
    const moved = before.filter((name, index) => name !== without[index]);
    expect(new Set(moved)).toEqual(new Set(['b']));
    expect(placed([...pool].reverse())).toEqual(before);
  });
});
