import { BlockList, isIP } from 'node:net';

/**
 * Address blocks that no URL of a user may lead to: RFC 6890 and its updates, the metadata addresses of clouds, and the
 * IPv6 blocks that hold an IPv4 address, through which any of the others could be reached.
 */
const DENIED_BLOCKS: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Azure's own services, metadata among them, at a public address.
  '168.63.129.16/32',
  '::/96',
  '::ffff:0:0/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

const denied = addressBlocks(DENIED_BLOCKS);

/** True for an address that only an operator may allow, and for a text that is no address. */
export function isDeniedAddress(address: string): boolean {
  return isIP(address) === 0 || denied.has(address);
}

export interface AddressBlocks {
  has(address: string): boolean;
}

/**
 * `blocks` are addresses with a prefix length. A list for each family: in a common one a block of IPv6 that holds the
 * IPv4 addresses would match every one of these.
 */
export function addressBlocks(blocks: readonly string[]): AddressBlocks {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const block of blocks) {
    const [address = '', length] = block.split('/');
    const family = familyOf(address);
    lists[family].addSubnet(address, Number(length), family);
  }
  return {
    has: (address) => {
      // A zone names an interface and makes no other address.
      const bare = address.split('%', 1)[0] ?? '';
      const family = familyOf(bare);
      return lists[family].check(bare, family);
    },
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
