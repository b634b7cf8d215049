// The least that a proxy in Node can be: node:http in front, undici behind, the JSON parsed once, nothing recorded.
// node bench/gateway/reference-proxy-main.ts <port> <upstream origin>
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

const [port, upstream] = process.argv.slice(2);
const pool = new Pool(upstream ?? '', { connections: 1_024, pipelining: 1 });
const HEADERS = { 'content-type': 'application/json', authorization: 'Bearer upstream' };

createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => forward(request, response, Buffer.concat(parts)));
}).listen(Number(port), '127.0.0.1');

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  JSON.parse(body.toString('utf8'));
  const path = request.url ?? '/';
  pool.dispatch({ path, method: 'POST', headers: HEADERS, body }, passOn(response));
}

function passOn(response: ServerResponse): Dispatcher.DispatchHandler {
  let upstreamCall: Dispatcher.DispatchController | undefined;
  response.on('close', () => {
    if (!response.writableFinished) upstreamCall?.abort(new Error('the client is gone'));
  });
  return {
    onRequestStart: (controller) => {
      upstreamCall = controller;
    },
    onResponseStart: (_controller, status, headers) => {
      const passed = ['content-type', 'content-length'].flatMap((name) => {
        const value = headers[name];
        return value === undefined ? [] : [[name, value] as const];
      });
      response.writeHead(status, Object.fromEntries(passed));
    },
    onResponseData: (_controller, bytes) => {
      response.write(bytes);
    },
    onResponseEnd: () => {
      response.end();
    },
    onResponseError: () => {
      response.destroy();
    },
  };
}
