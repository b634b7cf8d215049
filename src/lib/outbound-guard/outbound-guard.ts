import { type LookupAddress, lookup as resolveHost } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { type AllowList, parseAllowList } from './allow-list.ts';
import { isDeniedAddress } from './denied-addresses.ts';

/** The code of a connection that was not made. */
export const OUTBOUND_REFUSED = 'ERR_OUTBOUND_REFUSED';

/** A URL leads to a place that users may not reach from here. */
export class OutboundRefusedError extends Error {
  readonly code = OUTBOUND_REFUSED;
  /** What an operator would allow, as an entry of the list. */
  readonly place: string;
  constructor(place: string) {
    super(`${place} is a private, local or reserved address, or resolves to one`);
    this.name = 'OutboundRefusedError';
    this.place = place;
  }
}

/** All addresses of a name, as `node:dns` finds them. */
export type ResolveHost = (hostname: string) => Promise<readonly LookupAddress[]>;

/** What a client of `node:net` takes to connect. */
export interface ConnectOptions {
  readonly lookup: LookupFunction;
}

export interface OutboundGuardOptions {
  /** What the operator allows; see `parseAllowList`. */
  readonly allow: readonly string[];
  /** Default: the resolver of the system. */
  readonly resolve?: ResolveHost;
}

/**
 * Keeps requests to URLs that users set out of the network around this server: when a URL is saved, and again when a
 * connection is made, because a name may lead elsewhere by then. Redirects are not its matter: no client of ours
 * follows one.
 */
export class OutboundGuard {
  readonly #allowed: AllowList;
  readonly #resolve: ResolveHost;

  constructor({ allow, resolve = systemResolver }: OutboundGuardOptions) {
    this.#allowed = parseAllowList(allow);
    this.#resolve = resolve;
  }

  /**
   * Rejects with an `OutboundRefusedError` when `url` leads to a denied address now. A name that does not resolve passes:
   * whether it leads anywhere is seen when it is called, and checked again then.
   */
  async check(url: URL): Promise<void> {
    const place = placeOf(url);
    if (this.#decided(place)) return;
    const addresses = await this.#resolve(place.hostname).catch(() => []);
    this.#refuseDenied(place, addresses);
  }

  /**
   * For connections to one origin: resolves its name, refuses when any address is denied, and hands the checked
   * addresses on, so that nothing is resolved a second time. Throws an `OutboundRefusedError` for a denied literal,
   * which is never resolved.
   */
  connectOptions(origin: URL): ConnectOptions {
    const place = placeOf(origin);
    this.#decided(place);
    return {
      lookup: (hostname, options, callback) => {
        this.#checkedAddresses(place, hostname).then(
          (addresses) => answerLookup(addresses, options, callback),
          (error: NodeJS.ErrnoException) => callback(error, []),
        );
      },
    };
  }

  /** True when nothing has to be resolved; throws for a literal that is denied. */
  #decided(place: Place): boolean {
    if (this.#allowed.hasHost(place.hostname, place.port)) return true;
    const literal = literalOf(place.hostname);
    if (literal === undefined) return false;
    this.#refuseDenied(place, [{ address: literal, family: isIP(literal) }]);
    return true;
  }

  async #checkedAddresses(place: Place, hostname: string): Promise<readonly LookupAddress[]> {
    const addresses = await this.#resolve(hostname);
    if (!this.#allowed.hasHost(place.hostname, place.port)) this.#refuseDenied(place, addresses);
    return addresses;
  }

  #refuseDenied(place: Place, addresses: readonly LookupAddress[]): void {
    const isDenied = addresses.some(
      ({ address }) => isDeniedAddress(address) && !this.#allowed.hasAddress(address),
    );
    if (isDenied) throw new OutboundRefusedError(`${place.hostname}:${place.port}`);
  }
}

interface Place {
  readonly hostname: string;
  readonly port: number;
}

function placeOf({ hostname, port, protocol }: URL): Place {
  const standard = protocol === 'https:' ? 443 : 80;
  return { hostname: hostname.replace(/\.$/, ''), port: port === '' ? standard : Number(port) };
}

/** The address that a URL names; URLs write IPv4 in one form only, whatever form they were given in. */
function literalOf(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? undefined : bare;
}

function answerLookup(
  addresses: readonly LookupAddress[],
  options: { readonly all?: boolean; readonly family?: number | string },
  callback: Parameters<LookupFunction>[2],
): void {
  const family = Number(options.family ?? 0);
  const wanted = addresses.filter((one) => family === 0 || one.family === family);
  const [first] = wanted;
  if (first === undefined) {
    const error = Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' });
    callback(error, []);
  } else if (options.all === true) callback(null, [...wanted]);
  else callback(null, first.address, first.family);
}

function systemResolver(hostname: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    resolveHost(hostname, { all: true }, (error, addresses) =>
      error === null ? resolve(addresses) : reject(error),
    );
  });
}
