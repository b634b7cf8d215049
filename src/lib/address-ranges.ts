import { BlockList, isIP } from 'node:net';

/** Addresses of clients, as networks or one by one. */
export interface AddressRanges {
  /** False for a text that is no address. */
  has(address: string): boolean;
}

/** True for an address or a network such as `10.0.0.0/8`, without a zone; IPv4 inside IPv6 is written as IPv4. */
export function isAddressRange(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%') || isMapped(address)) return false;
  if (length === undefined) return true;
  return /^\d{1,3}$/.test(length) && Number(length) <= lengthMax(family);
}

/** Parsed once: each entry passes `isAddressRange`. */
export function addressRanges(ranges: readonly string[]): AddressRanges {
  // A list for each family: in a common one `::/0` would match every IPv4 address.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) {
    const [address = '', length] = range.split('/');
    const family = isIP(address);
    const name = family === 6 ? 'ipv6' : 'ipv4';
    lists[name].addSubnet(address, Number(length ?? lengthMax(family)), name);
  }
  return {
    has: (address) => {
      // A zone names an interface and makes no other address.
      const bare = address.split('%', 1)[0] ?? '';
      const family = isIP(bare);
      if (family === 4) return lists.ipv4.check(bare, 'ipv4');
      // A socket for both families shows IPv4 clients as `::ffff:192.0.2.1`, which matches IPv4 networks.
      return family === 6 && (lists.ipv4.check(bare, 'ipv6') || lists.ipv6.check(bare, 'ipv6'));
    },
  };
}

const lengthMax = (family: number) => (family === 6 ? 128 : 32);

const IPV4_IN_IPV6 = addressRanges(['::ffff:0:0/96']);

function isMapped(address: string): boolean {
  return isIP(address) === 6 && IPV4_IN_IPV6.has(address);
}
