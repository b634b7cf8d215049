import { isIP } from 'node:net';
import { addressBlocks } from './denied-addresses.ts';

/** Places that an operator allows although their addresses are denied. */
export interface AllowList {
  /** The whole place, by its name or its address as a URL writes it. */
  hasHost(hostname: string, port: number): boolean;
  /** The address, whatever name led to it. */
  hasAddress(address: string): boolean;
}

/** An entry that is none; `reason` is for people. */
export class AllowListError extends Error {
  constructor(entry: string, reason: string) {
    super(`'${entry}' ${reason}`);
    this.name = 'AllowListError';
  }
}

/**
 * Entries are host names (`ollama`, `ollama:11434`), addresses (`10.0.0.7`, `[fd00::7]:8080`) or blocks of addresses
 * (`10.1.0.0/16`). A port narrows an entry to that port. Throws an `AllowListError` for anything else.
 */
export function parseAllowList(entries: readonly string[]): AllowList {
  const hosts = new Set<string>();
  const blocks: string[] = [];
  for (const entry of entries) {
    if (entry.includes('/')) blocks.push(blockOf(entry));
    else hosts.add(hostOf(entry));
  }
  const allowed = addressBlocks(blocks);
  return {
    hasHost: (hostname, port) => {
      const name = hostname.toLowerCase().replace(/\.$/, '');
      return hosts.has(name) || hosts.has(`${name}:${port}`);
    },
    hasAddress: (address) => allowed.has(address),
  };
}

function blockOf(entry: string): string {
  const [address = '', length = '', ...rest] = entry.split('/');
  const family = isIP(address);
  const longest = family === 6 ? 128 : 32;
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(length) || Number(length) > longest)
    throw new AllowListError(entry, 'is no block of addresses such as 10.1.0.0/16');
  return entry;
}

/** As a URL would write it, so that every spelling of an address is the same entry. */
function hostOf(entry: string): string {
  const text = isIP(entry) === 6 ? `[${entry}]` : entry;
  const url = URL.canParse(`http://${text}`) ? new URL(`http://${text}`) : undefined;
  const isPlain = /^[^\s/?#@\\]+$/.test(text) && url !== undefined && url.hostname !== '';
  if (!isPlain) throw new AllowListError(entry, 'is no host name, address or block of addresses');
  const host = url.hostname.replace(/\.$/, '');
  // A URL leaves out the port that its scheme has anyway.
  if (/:80$/.test(text)) return `${host}:80`;
  return url.port === '' ? host : `${host}:${url.port}`;
}
