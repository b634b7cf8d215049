import { readFile } from 'node:fs/promises';

/** A compiled WebAssembly module. The types of Node leave WebAssembly out. */
export type EngineModule = object;

declare const WebAssembly: { compile(bytes: Uint8Array): Promise<EngineModule> };

/**
 * The engine compiled once, for both of its runs at a first start and without the detour that PGlite itself takes:
 * about a quarter of the time to open.
 */
export async function compileEngine(): Promise<EngineModule> {
  const entry = import.meta.resolve('@electric-sql/pglite');
  return await WebAssembly.compile(await readFile(new URL('pglite.wasm', entry)));
}
