import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Asked } from './content.ts';
import { eventBlocks } from './event-frames.ts';
import type { Script } from './script.ts';

/** Writes a stream, with its fault. `onBytes` hears every byte that was meant for the client. */
export async function writeStream(
  response: ServerResponse,
  asked: Asked,
  script: Script,
  onBytes: (bytes: Buffer) => void,
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'x-ratelimit-limit-requests': '60',
  });
  response.flushHeaders();
  if (script.fault === 'hang-after-head') return;
  const write = writer(response, script, onBytes);
  const blankLine = script.fault === 'crlf' ? '\r\n\r\n' : '\n\n';
  const blocks = [...eventBlocks(asked, script)];
  for (const [index, block] of blocks.entries()) {
    const last = script.fault === 'no-last-blank-line' && index === blocks.length - 1;
    const text = script.fault === 'crlf' ? block.replaceAll('\n', '\r\n') : block;
    await write(Buffer.from(last ? text : text + blankLine));
    if (script.paceMs > 0) await delay(script.paceMs);
    if (response.destroyed) return;
  }
  await end(response, script);
}

async function end(response: ServerResponse, script: Script): Promise<void> {
  switch (script.fault) {
    case 'stall':
      return;
    case 'cut':
      // A turn of the loop, so that what was written is on the wire before the reset.
      await delay(10);
      response.socket?.resetAndDestroy();
      return;
    case 'endless-frame':
      await writeEndlessly(response);
      return;
    default:
      response.end();
  }
}

function writer(response: ServerResponse, script: Script, onBytes: (bytes: Buffer) => void) {
  const split = script.fault === 'split-utf8';
  let held = Buffer.alloc(0);
  return async (bytes: Buffer): Promise<void> => {
    onBytes(bytes);
    if (!split) {
      if (!response.write(bytes)) await drained(response);
      return;
    }
    // Cut in the middle of the first character of several bytes, and behind every event keep its last byte back.
    const all = Buffer.concat([held, bytes]);
    const cut = all.findIndex((byte) => byte >= 0xc0) + 1;
    response.write(all.subarray(0, cut));
    await delay(2);
    const done = bytes.includes('[DONE]');
    response.write(all.subarray(cut, done ? undefined : -1));
    held = done ? Buffer.alloc(0) : Buffer.from(all.subarray(-1));
    await delay(2);
  };
}

async function writeEndlessly(response: ServerResponse): Promise<void> {
  response.write('data: {"x":"');
  const piece = Buffer.alloc(256 * 1024, 'x');
  while (!response.destroyed) {
    if (!response.write(piece)) await drained(response);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
    if (response.destroyed) done();
  });
}
