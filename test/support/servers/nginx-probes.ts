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

/** Version and protocol that a TLS client of exactly this version ends up with. */
export async function handshake(port: number, version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') {
  const socket = connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: version,
    maxVersion: version,
    // OpenSSL itself refuses TLS 1.1 at its default level: lower it, so that the server is what refuses.
    ciphers: 'DEFAULT@SECLEVEL=0',
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

/** Writes a self-signed tls.crt and tls.key. */
export async function createCertificate(directory: string): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', join(directory, 'tls.key'), '-out', join(directory, 'tls.crt')];
  await run('openssl', ['req', '-x509', ...key, '-days', '2', '-subj', '/CN=localhost', ...files]);
}
