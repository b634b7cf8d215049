import type { Cost, PricedCounts } from './prices/price-table.ts';

/** What calls cost, by the price list in force. */
export interface PriceBook {
  /** A price that is named after the deployment goes before that of the model. */
  costMicros(model: string, counts: PricedCounts, deployment?: string): Cost;
}

/** For installations and tools without prices. */
export const NO_PRICES: PriceBook = {
  costMicros: () => ({ costMicros: null, priceVersion: null }),
};
