import { expect, test } from 'vitest';
import { addressRanges, isAddressRange } from './address-ranges.ts';

test.each([
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.1.2.3/8', '10.9.9.9', true],
  ['192.0.2.7', '192.0.2.7', true],
  ['192.0.2.7', '192.0.2.8', false],
  ['0.0.0.0/0', '203.0.113.9', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['::/0', '2001:db8::1', true],
  ['::/0', '203.0.113.9', false],
  ['2001:db8::/32', '2001:db8:ffff::1', true],
  ['2001:db8::/32', '2001:db9::1', false],
  ['2001:DB8::1', '2001:db8:0:0::1', true],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['10.0.0.0/8', '::ffff:a01:203', true],
  ['10.0.0.0/8', '::ffff:11.1.2.3', false],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['0.0.0.0/0', 'unknown', false],
  ['::/0', '', false],
])('ID-3 the range %s for the client %s: %s', (range, address, expected) => {
  expect(isAddressRange(range)).toBe(true);
  expect(addressRanges(['198.51.100.1', range]).has(address)).toBe(expected);
});

test.each([
  '',
  'localhost',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  '10.0.0/8',
  '::1/129',
  'fe80::1%eth0',
  '::ffff:10.0.0.0/104',
  '10.0.0.0/8 ',
])('ID-3 %j is no range of addresses', (text) => {
  expect(isAddressRange(text)).toBe(false);
});

test('no range lets nobody in', () => {
  expect(addressRanges([]).has('127.0.0.1')).toBe(false);
});
