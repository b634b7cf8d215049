import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { Pool } from 'undici';
import { AllowListError, parseAllowList } from './allow-list.ts';
import { isDeniedAddress } from './denied-addresses.ts';
import { OutboundGuard, OutboundRefusedError, type ResolveHost } from './outbound-guard.ts';

/** What a hostile name server answers, in turn for each question. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  'private.test': ['10.1.2.3'],
  'loopback.test': ['127.0.0.1'],
  'mixed.test': ['93.184.215.14,127.0.0.1'],
  'six.test': ['::1'],
  'mapped.test': ['::ffff:127.0.0.1'],
  'metadata.test': ['169.254.169.254'],
  'rebinding.test': ['93.184.215.14', '127.0.0.1'],
  'zone.test': ['fe80::1%lo'],
  'public.test': ['93.184.215.14'],
};

function nameServer(): ResolveHost {
  const asked = new Map<string, number>();
  return async (hostname) => {
    const name = hostname.replace(/\.$/, '').toLowerCase();
    const answers = ANSWERS[name];
    if (answers === undefined && !/(^|\.)localhost$/.test(name))
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    const turn = asked.get(name) ?? 0;
    asked.set(name, turn + 1);
    const text = answers?.[Math.min(turn, answers.length - 1)] ?? '127.0.0.1';
    return text.split(',').map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
}

let listener: Server;
let port: number;
let connections = 0;

beforeAll(async () => {
  listener = createServer((_request, response) => response.end('inside'));
  listener.on('connection', () => {
    connections += 1;
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  port = (listener.address() as AddressInfo).port;
});

beforeEach(() => {
  connections = 0;
});

afterAll(async () => {
  listener.close();
  listener.closeAllConnections();
  await once(listener, 'close');
});

const HOSTILE_HOSTS: readonly string[] = [
  // Loopback in every spelling that URLs know.
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '0x7f000001', '0x7f.1'],
  ...[
    '0177.0.0.1',
    '017700000001',
    '0x7f.0.0.0x1',
    '127.0.0.1.',
    '127.000.000.001',
    '0',
    '0.0.0.0',
  ],
  ...[
    '0x0',
    '00',
    '０',
    '１２７.０.０.１',
    '127。0。0。1',
    '127．0．0．1',
    '127｡0｡0｡1',
    '①②⑦.⓪.⓪.①',
  ],
  ...[
    'localhost',
    'LOCALHOST',
    'localhost.',
    'app.localhost',
    'ｌｏｃａｌｈｏｓｔ',
    'ⓛocalhost',
    'loc%61lhost',
  ],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[::]', '[0000::1]', '[::0001]', '[::127.0.0.1]', '[::7f00:1]'],
  ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:0:127.0.0.1]', '[64:ff9b::127.0.0.1]'],
  ...[
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2002:a00:1::1]',
    '[2001:0:7f00:1::]',
    '[2001::1]',
  ],
  // Private networks.
  ...['10.0.0.1', '10.255.255.255', '10.1', '167772161', '0xa000001', '012.0.0.1', '172.16.0.1'],
  ...['172.31.255.255', '172.20.1', '2886729729', '192.168.0.1', '192.168.255.255', '192.168.1'],
  ...['3232235521', '0xc0a80001', '0300.0250.0.1', '[::ffff:10.0.0.1]', '[::ffff:192.168.0.1]'],
  ...['[::ffff:a00:1]', '[fc00::1]', '[fd00::1]', '[fdff:ffff::1]', '[64:ff9b::10.0.0.1]'],
  // Link-local and the metadata services of clouds.
  ...['169.254.0.1', '169.254.169.254', '169.254.170.2', '169.254.169.253', '2852039166'],
  ...['0xa9fea9fe', '0251.0376.0251.0376', '169.16689662', '[::ffff:169.254.169.254]'],
  ...['[::ffff:a9fe:a9fe]', '[fe80::1]', '[febf::1]', '[fec0::1]', '[fd00:ec2::254]'],
  ...['[fd20:ce::254]', '100.100.100.200', '1684300900', '168.63.129.16', '192.0.0.192'],
  ...['[64:ff9b::a9fe:a9fe]', '[2002:a9fe:a9fe::]'],
  // Shared, reserved, multicast and broadcast.
  ...['100.64.0.1', '100.127.255.255', '0.1.2.3', '0.255.255.255', '192.0.0.1', '192.0.2.1'],
  ...['192.88.99.1', '198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.9', '224.0.0.1'],
  ...['239.255.255.255', '240.0.0.1', '255.255.255.255', '0xffffffff', '4294967295', '[ff02::1]'],
  ...['[ff0e::1]', '[100::1]', '[2001:db8::1]', '[3fff::1]', '[5f00::1]', '[::2]'],
  // Names.
  ...['private.test', 'loopback.test', 'mixed.test', 'six.test', 'mapped.test', 'metadata.test'],
  ...['zone.test', 'LOOPBACK.test', 'loopback.test.'],
];

async function callThrough(guard: OutboundGuard, url: URL): Promise<unknown> {
  const { lookup } = guard.connectOptions(url);
  const pool = new Pool(url.origin, { connections: 1, connect: { lookup, timeout: 2_000 } });
  try {
    return await pool.request({ method: 'GET', path: '/' });
  } finally {
    await pool.destroy();
  }
}

describe('ID-6 a URL that a user sets', () => {
  const guard = () => new OutboundGuard({ allow: [], resolve: nameServer() });

  test('the table is long enough', () => {
    expect(new Set(HOSTILE_HOSTS).size).toBeGreaterThanOrEqual(120);
  });

  it.each(HOSTILE_HOSTS)('leads to no inner place: %s', async (host) => {
    const url = new URL(`http://${host}:${port}/`);
    await expect(guard().check(url)).rejects.toThrow(OutboundRefusedError);
    await expect((async () => callThrough(guard(), url))()).rejects.toThrow(OutboundRefusedError);
    expect(connections).toBe(0);
  });

  it('may not become one when its name is asked again', async () => {
    const url = new URL(`http://rebinding.test:${port}/`);
    const rebound = guard();
    await expect(rebound.check(url)).resolves.toBeUndefined();
    await expect(callThrough(rebound, url)).rejects.toThrow(OutboundRefusedError);
    expect(connections).toBe(0);
  });

  it.each(['8.8.8.8', '[2606:4700::1111]', 'public.test', 'no-such-name.test', '172.32.0.1'])(
    'may be any other place: %s',
    async (host) => {
      await expect(guard().check(new URL(`https://${host}/v1`))).resolves.toBeUndefined();
      expect(() => guard().connectOptions(new URL(`https://${host}`))).not.toThrow();
    },
  );

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1:PORT', '127.0.0.1'],
    ['2130706433', '127.1'],
    ['127.0.0.0/8', '127.0.0.1'],
    ['127.0.0.0/8', 'loopback.test'],
    ['loopback.test', 'loopback.test'],
    ['loopback.test:PORT', 'loopback.test'],
  ])('the operator allows %s: %s is reached', async (entry, host) => {
    const allow = [entry.replace('PORT', String(port))];
    const url = new URL(`http://${host}:${port}/`);
    const open = new OutboundGuard({ allow, resolve: nameServer() });
    await expect(open.check(url)).resolves.toBeUndefined();
    await expect(callThrough(open, url)).resolves.toMatchObject({ statusCode: 200 });
  });

  it.each([
    ['127.0.0.1:1', '127.0.0.1'],
    ['127.0.0.2', '127.0.0.1'],
    ['10.0.0.0/8', 'loopback.test'],
    ['other.test', 'loopback.test'],
  ])('the operator allows %s: %s is still refused', async (entry, host) => {
    const open = new OutboundGuard({ allow: [entry], resolve: nameServer() });
    await expect(open.check(new URL(`http://${host}:${port}/`))).rejects.toThrow(
      OutboundRefusedError,
    );
  });
});

test('ID-6 entries of the allow-list that are none', () => {
  for (const entry of ['', 'a b', 'http://x', '10.0.0.0/33', '10.0.0.0/', 'x/8', 'a@b', '::1/129'])
    expect(() => parseAllowList([entry])).toThrow(AllowListError);
  expect(parseAllowList(['::1']).hasHost('[::1]', 80)).toBe(true);
  expect(parseAllowList(['x:80']).hasHost('x', 80)).toBe(true);
  expect(parseAllowList(['x:80']).hasHost('x', 81)).toBe(false);
});

test('what is no address is denied', () => {
  expect(isDeniedAddress('not an address')).toBe(true);
});
