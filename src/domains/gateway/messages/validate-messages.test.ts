import { describe, expect, it } from 'vitest';
import { estimateInput } from './estimate-input.ts';
import { validateCount, validateMessage } from './validate-messages.ts';

const hi = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
const said = (...content: object[]) => ({ ...hi, messages: [{ role: 'user', content }] });

describe('GW-16 what a message must be', () => {
  it.each([
    [{ ...hi, model: undefined }, 'model'],
    [{ ...hi, model: '' }, 'model'],
    [{ ...hi, model: 7 }, 'model'],
    [{ ...hi, max_tokens: undefined }, 'max_tokens'],
    [{ ...hi, max_tokens: -1 }, 'max_tokens'],
    [{ ...hi, max_tokens: 1.5 }, 'max_tokens'],
    [{ ...hi, messages: undefined }, 'messages'],
    [{ ...hi, messages: [] }, 'messages'],
    [{ ...hi, messages: ['hi'] }, 'messages[0]'],
    [{ ...hi, messages: [{ content: 'hi' }] }, 'messages[0].role'],
    [{ ...hi, messages: [{ role: 'tool', content: 'hi' }] }, 'messages[0].role'],
    [{ ...hi, messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ ...hi, messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    [{ ...hi, messages: [{ role: 'user', content: ['hi'] }] }, 'messages[0].content[0]'],
    [said({ text: 'hi' }), 'messages[0].content[0].type'],
    [said({ type: 'text' }), 'messages[0].content[0].text'],
    [said({ type: 'text', text: 7 }), 'messages[0].content[0].text'],
    [said({ type: 'image' }), 'messages[0].content[0].source'],
    [said({ type: 'image', source: {} }), 'messages[0].content[0].source.type'],
    [said({ type: 'tool_result' }), 'messages[0].content[0].tool_use_id'],
    [said({ type: 'tool_use', id: 'a', name: 'b' }), 'messages[0].content[0].input'],
    [{ ...hi, system: 7 }, 'system'],
    [{ ...hi, temperature: 1.1 }, 'temperature'],
    [{ ...hi, top_p: -0.1 }, 'top_p'],
    [{ ...hi, top_k: 0.5 }, 'top_k'],
    [{ ...hi, stream: 'yes' }, 'stream'],
    [{ ...hi, stop_sequences: 'END' }, 'stop_sequences'],
    [{ ...hi, tools: [{ name: 'a' }] }, 'tools[0].input_schema'],
    [{ ...hi, tools: [{ input_schema: {} }] }, 'tools[0].name'],
    [{ ...hi, tool_choice: { type: 'some' } }, 'tool_choice.type'],
    [{ ...hi, thinking: {} }, 'thinking.type'],
    [{ ...hi, thinking: { type: 'enabled', budget_tokens: 9 } }, 'thinking.budget_tokens'],
    [{ ...hi, output_config: { format: {} } }, 'output_config.format.type'],
  ])('refuses %j', (json, param) => {
    expect(() => validateMessage(json)).toThrow(expect.objectContaining({ status: 400, param }));
  });

  it.each([
    hi,
    { ...hi, max_tokens: 0 },
    { ...hi, temperature: null, system: null, tools: null },
    { ...hi, tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    { ...hi, unknown: { kept: true } },
    said({ type: 'document', source: { type: 'content', content: [] } }),
    said({ type: 'web_search_tool_result', content: { type: 'error' } }),
    said({ type: 'tool_result', tool_use_id: 'a' }),
  ])('takes %j', (json) => expect(() => validateMessage(json)).not.toThrow());

  it('needs no limit to be counted', () => {
    const { model, messages } = hi;
    expect(() => validateCount({ model, messages })).not.toThrow();
    expect(() => validateCount({ model })).toThrow(/messages/);
  });
});

describe('GW-16 the tokens of a message', () => {
  it('are those of its texts, its tools and its pictures', () => {
    const plain = estimateInput(hi);
    expect(plain).toBe(5);
    const more = (fields: object) => estimateInput({ ...hi, ...fields }) - plain;
    expect(more({ system: 'Answer in one word' })).toBe(4);
    expect(more({ system: [{ type: 'text', text: 'Answer in one word' }] })).toBe(4);
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    expect(
      more({ tools: [{ name: 'weather', description: 'of a city', input_schema: schema }] }),
    ).toBeGreaterThan(8);
    expect(estimateInput(said({ type: 'image', source: { data: 'A'.repeat(99_999) } }))).toBe(
      1_504,
    );
  });

  it('are counted however deep a body is nested', () => {
    const deep = JSON.parse(`${'{"content":['.repeat(50_000)}${']}'.repeat(50_000)}`);
    expect(estimateInput({ ...hi, system: deep, tools: [{ input_schema: deep }] })).toBeGreaterThan(
      4,
    );
  });
});
