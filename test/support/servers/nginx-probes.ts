import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { request } from 'undici';

const run = promisify(execFile);

/** The body of a GET. */
export async function textOf(url: string, headers: Record<string, string> = {}): Promise<string> {
  const { body } = await request(url, { headers });
  return body.text();
}

/** An empty JSON object, as a client would send it. */
export const post = (url: string) =>
  request(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });

/** The answer to a body that is announced with "Expect: 100-continue", as curl does, and not sent. */
export async function announce(url: string, sizeMb: number): Promise<string> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  const length = sizeMb * 1024 * 1024;
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
  );
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes('100 Continue') || text.endsWith('}}')) break;
  }
  return text;
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** Version and protocol that a TLS client of exactly this version ends up with. */
export async function handshake(
  port: number,
  version: TlsVersion,
  // OpenSSL itself refuses old versions and ciphers at its default level: lower it, so that the server refuses.
  ciphers = 'DEFAULT@SECLEVEL=0',
) {
  const socket = connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: version,
    maxVersion: version,
    ciphers,
  });
  await once(socket, 'secureConnect');
  const result = { version: socket.getProtocol(), protocol: socket.alpnProtocol };
  socket.destroy();
  return result;
}

/** Process ids of the workers. */
export async function childrenOf(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean);
}

/** The name in the certificate that new connections are shown. */
export async function certificateName(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

export interface SlowClients {
  /** How many the server has not given up on yet. */
  readonly open: number;
  /** Resolves when it has given up on the last one. */
  readonly ended: Promise<unknown>;
  destroy(): void;
}

/** Opens `count` connections from one address and sends the beginning of a request on each, then nothing. */
export async function openSlowClients(
  url: string,
  { count, localAddress, text }: { count: number; localAddress: string; text: string },
): Promise<SlowClients> {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: count }, () =>
    connectTcp({ port: Number(port), host: hostname, localAddress }),
  );
  const ends = sockets.map(
    (socket) =>
      new Promise<void>((ended) => {
        // A reset is an end as good as any.
        socket.on('error', () => ended());
        socket.once('close', () => ended());
      }),
  );
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.resume().write(text);
  return {
    get open() {
      return sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
    },
    ended: Promise.all(ends),
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Writes a self-signed tls.crt and tls.key. */
export async function createCertificate(directory: string, name = 'localhost'): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', join(directory, 'tls.key'), '-out', join(directory, 'tls.crt')];
  await run('openssl', ['req', '-x509', ...key, '-days', '2', '-subj', `/CN=${name}`, ...files]);
}
