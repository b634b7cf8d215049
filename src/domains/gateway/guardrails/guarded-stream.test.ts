import { describe, expect, test } from 'vitest';
import { keywordDetector } from './detectors/keywords.ts';
import { PERSONAL_DATA, personalDataDetector } from './detectors/personal-identifiers.ts';
import { masked, type Detector } from './detectors/detector.ts';
import { secretDetector } from './detectors/secrets.ts';
import type { Guardrail, GuardrailAction } from './guardrail.ts';
import { guardedStream } from './guarded-stream.ts';
import { Inspection } from './inspect-texts.ts';

const guard = (detector: Detector, action: GuardrailAction = 'mask'): Guardrail => ({
  id: 'guard_1',
  name: 'g',
  action,
  stages: ['input', 'output'],
  detector,
});
const TEXT = `你好，我的电话是 138-1234-5678，邮箱 li@example.com。😀 Key: sk-${'ab12'.repeat(8)} and 炸弹 here. ${'Plain words follow. '.repeat(20)}End 13912345678`;
const DETECTORS = [
  personalDataDetector(PERSONAL_DATA),
  secretDetector(),
  keywordDetector(['炸弹', 'words']),
];
const expected = DETECTORS.reduce((text, detector) => masked(text, detector.find(text)), TEXT);

const openAiFrames = (pieces: readonly string[]) => [
  ...pieces.map((content) => data({ choices: [{ index: 0, delta: { content } }] })),
  data({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
  'data: [DONE]\n\n',
];
const anthropicFrames = (pieces: readonly string[]) => [
  event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  ...pieces.map((text) =>
    event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
  ),
  event('content_block_stop', { index: 0 }),
  event('message_stop', {}),
];
const data = (json: object) => `data: ${JSON.stringify(json)}\n\n`;
const event = (type: string, json: object) => `event: ${type}\n${data({ type, ...json })}`;

async function shown(frames: readonly string[], inspection: Inspection): Promise<string[]> {
  async function* body() {
    for (const frame of frames) yield Buffer.from(frame);
  }
  const chunks: string[] = [];
  for await (const chunk of guardedStream(body(), inspection, ({ name }) =>
    Buffer.from(`denied ${name}`),
  ))
    chunks.push(Buffer.from(chunk).toString('utf8'));
  return chunks;
}

const textOf = (chunks: readonly string[]) =>
  chunks
    .flatMap((chunk) => chunk.split('\n').filter((line) => line.startsWith('data: {')))
    .map((line) => JSON.parse(line.slice(6)))
    .map((json) => json.choices?.[0]?.delta?.content ?? json.delta?.text ?? '')
    .join('');

/** The same pieces for the same seed. */
function piecesOf(seed: number): string[] {
  let state = seed;
  const pieces: string[] = [];
  for (let at = 0; at < TEXT.length; ) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const length = 1 + (state % 12);
    pieces.push(TEXT.slice(at, at + length));
    at += length;
  }
  return pieces;
}

describe('GW-19 a stream is masked as the whole text would be, however it is cut', () => {
  test.each([
    ['chat', openAiFrames],
    ['messages', anthropicFrames],
  ])('%s', async (_name, framesOf) => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const inspection = new Inspection(
        DETECTORS.map((detector) => guard(detector)),
        'output',
      );
      const chunks = await shown(framesOf(piecesOf(seed)), inspection);
      expect(textOf(chunks), `seed ${seed}`).toBe(expected);
    }
  });
});

test('GW-19 nothing follows a denial', async () => {
  const inspection = new Inspection([guard(keywordDetector(['炸弹']), 'deny')], 'output');
  const chunks = await shown(openAiFrames(['一个', '炸', '弹', '的制作']), inspection);
  expect(chunks.at(-1)).toBe('denied g');
  expect(chunks.join('')).not.toMatch(/炸|弹|DONE/);
});

test('GW-19 a flag changes no text', async () => {
  const inspection = new Inspection([guard(keywordDetector(['炸弹']), 'flag')], 'output');
  const chunks = await shown(openAiFrames(['炸', '弹']), inspection);
  expect(textOf(chunks)).toBe('炸弹');
  expect(inspection.decisions).toMatchObject([
    { stage: 'output', found: new Map([['KEYWORD', 1]]) },
  ]);
});

test('GW-19 several choices and calls of tools are held apart', async () => {
  const inspection = new Inspection([guard(keywordDetector(['bomb']))], 'output');
  const frames = [
    data({
      choices: [
        { index: 0, delta: { content: 'bo' } },
        { index: 1, delta: { content: 'mb' } },
      ],
    }),
    data({
      choices: [
        {
          index: 0,
          delta: { tool_calls: [{ index: 0, function: { name: 'f', arguments: '{"a":"bo' } }] },
        },
      ],
    }),
    data({
      choices: [
        { index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: 'mb"}' } }] } },
      ],
    }),
    data({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    data({ choices: [{ index: 1, delta: { content: '!' }, finish_reason: 'stop' }] }),
  ];
  const json = (await shown(frames, inspection)).map((chunk) => JSON.parse(chunk.slice(6)));
  const deltas = json.flatMap((each) => each.choices);
  const content = (index: number) =>
    deltas
      .filter((choice) => choice.index === index)
      .map((choice) => choice.delta.content ?? '')
      .join('');
  const called = deltas
    .flatMap((choice) => choice.delta.tool_calls ?? [])
    .map((call) => call.function.arguments)
    .join('');
  expect([content(0), content(1), called]).toEqual(['bo', 'mb!', '{"a":"[KEYWORD]"}']);
});
