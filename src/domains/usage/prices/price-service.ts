import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { changeStatement } from '../../audit/index.ts';
import type { Changer } from '../../identity/index.ts';
import {
  cursorNotFound,
  duplicatePrice,
  invalidPricePattern,
  priceVersionNotFound,
} from '../errors.ts';
import { ANNOUNCE_CHANGE } from '../revision-repository.ts';
import type { PriceRow, PriceVersionRow } from './price.ts';
import {
  activatePriceVersion,
  findActivePriceVersion,
  findPriceVersion,
  insertPriceVersion,
  listPriceVersions,
  loadPrices,
} from './price-repository.ts';
import {
  PRICES_MAX,
  type PriceBody,
  type PricesBody,
  type VersionsQuery,
} from './price-schemas.ts';

export interface PriceServiceOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Called after each committed change, so that this instance sees it at once. */
  readonly onChange: () => Promise<void>;
}

export interface PriceList {
  readonly version: PriceVersionRow;
  readonly isActive: boolean;
  readonly prices: readonly PriceRow[];
}

/** Price lists of the installation. A list is never changed: a new version replaces it as a whole. */
export class PriceService {
  readonly #options: PriceServiceOptions;

  constructor(options: PriceServiceOptions) {
    this.#options = options;
  }

  /** Stores a version and puts it in force. */
  async replace(changer: Changer, { prices, note }: PricesBody): Promise<PriceList> {
    checkModels(prices);
    const { clock } = this.#options;
    const version = { id: clock.newId('price_'), createdAt: clock.now(), note: note ?? null };
    const recorded = changeStatement(clock, changer, {
      action: 'prices.replace',
      resource: { kind: 'price_list', id: version.id },
      projectId: null,
      changes: { note: { after: version.note }, prices: { after: prices.length } },
    });
    await this.#change([...insertPriceVersion(version, prices.map(rowOfBody)), recorded]);
    return this.get(version.id);
  }

  /** Puts an earlier version in force again. */
  async activate(changer: Changer, id: string): Promise<PriceList> {
    if ((await findPriceVersion(this.#options.database, id)) === undefined) {
      throw priceVersionNotFound(id);
    }
    const { clock } = this.#options;
    const recorded = changeStatement(clock, changer, {
      action: 'prices.activate',
      resource: { kind: 'price_list', id },
      projectId: null,
    });
    await this.#change([activatePriceVersion(id, clock.now()), recorded]);
    return this.get(id);
  }

  /** The list in force, or undefined when there is none. */
  async active(): Promise<PriceList | undefined> {
    const version = await findActivePriceVersion(this.#options.database);
    return version && this.get(version.id);
  }

  async get(id: string): Promise<PriceList> {
    const { database } = this.#options;
    const version = await findPriceVersion(database, id);
    if (version === undefined) throw priceVersionNotFound(id);
    const active = await findActivePriceVersion(database);
    const prices = await loadPrices(database, { versionId: id, limit: PRICES_MAX });
    return { version, isActive: active?.id === id, prices };
  }

  /** The one in force first, then the ones that were in force before it. */
  async list({ after, limit }: VersionsQuery) {
    const { database } = this.#options;
    const cursor = after === undefined ? undefined : await findPriceVersion(database, after);
    if (after !== undefined && cursor === undefined) throw cursorNotFound(after);
    const active = await findActivePriceVersion(database);
    const rows = await listPriceVersions(database, { after: cursor, limit: limit + 1 });
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit, activeId: active?.id };
  }

  async #change(statements: Parameters<Database['batch']>[0]): Promise<void> {
    await this.#options.database.batch([...statements, ...ANNOUNCE_CHANGE]);
    await this.#options.onChange();
  }
}

function checkModels(prices: readonly PriceBody[]): void {
  const seen = new Set<string>();
  for (const [index, { model }] of prices.entries()) {
    const param = `prices[${index}].model`;
    if (model.slice(0, -1).includes('*')) throw invalidPricePattern(model, param);
    if (seen.has(model)) throw duplicatePrice(model, param);
    seen.add(model);
  }
}

function rowOfBody(price: PriceBody): PriceRow {
  return {
    model: price.model,
    input_micros: price.input,
    output_micros: price.output,
    cached_input_micros: price.cached_input ?? null,
    cache_write_micros: price.cache_write ?? null,
    reasoning_micros: price.reasoning ?? null,
    audio_input_micros: price.audio_input ?? null,
    audio_output_micros: price.audio_output ?? null,
    request_micros: price.request ?? 0,
  };
}
