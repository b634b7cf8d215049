import type { FastifyInstance } from 'fastify';
import { changerOf, listObject } from '../../identity/index.ts';
import { noPrices } from '../errors.ts';
import { type PriceRow, priceVersionObject } from './price.ts';
import { PricesBody, VersionParams, VersionsQuery } from './price-schemas.ts';
import type { PriceList, PriceService } from './price-service.ts';

const read = { access: { action: 'prices.read' as const } };
const write = { access: { action: 'prices.write' as const } };
const tags = ['prices'];

/** Price lists of the installation; register it under `/api/v1`. */
export function priceRoutes(app: FastifyInstance, prices: PriceService): void {
  changeRoutes(app, prices);
  readRoutes(app, prices);
}

function changeRoutes(app: FastifyInstance, prices: PriceService): void {
  app.put<{ Body: PricesBody }>(
    '/prices',
    { config: write, schema: { summary: 'Put a new price list in force', tags, body: PricesBody } },
    async (request) => listOf(await prices.replace(changerOf(request), request.body)),
  );
  app.post<{ Params: VersionParams }>(
    '/prices/versions/:version_id/activate',
    {
      config: write,
      schema: { summary: 'Put a price list in force again', tags, params: VersionParams },
    },
    async (request) => listOf(await prices.activate(changerOf(request), request.params.version_id)),
  );
}

function readRoutes(app: FastifyInstance, prices: PriceService): void {
  app.get(
    '/prices',
    { config: read, schema: { summary: 'Get the prices in force', tags } },
    async () => {
      const active = await prices.active();
      if (active === undefined) throw noPrices();
      return listOf(active);
    },
  );
  app.get<{ Querystring: VersionsQuery }>(
    '/prices/versions',
    { config: read, schema: { summary: 'List price lists', tags, querystring: VersionsQuery } },
    async (request) => {
      const page = await prices.list(request.query);
      return listObject(page, (row) => priceVersionObject(row, row.id === page.activeId));
    },
  );
  app.get<{ Params: VersionParams }>(
    '/prices/versions/:version_id',
    { config: read, schema: { summary: 'Get a price list', tags, params: VersionParams } },
    async (request) => listOf(await prices.get(request.params.version_id)),
  );
}

function listOf({ version, isActive, prices }: PriceList) {
  return { ...priceVersionObject(version, isActive), prices: prices.map(priceObject) };
}

function priceObject(price: PriceRow) {
  return {
    model: price.model,
    input: price.input_micros,
    output: price.output_micros,
    cached_input: price.cached_input_micros,
    cache_write: price.cache_write_micros,
    reasoning: price.reasoning_micros,
    audio_input: price.audio_input_micros,
    audio_output: price.audio_output_micros,
    request: price.request_micros,
  };
}
