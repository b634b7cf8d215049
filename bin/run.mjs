// Runs a TypeScript entry on a Node that can load it. npm scripts put node_modules/.bin first on the
// path, so `node` here is the pinned runtime wherever npm could install it.
import { requireSupportedNode } from './supported-node.mjs';

requireSupportedNode();
const [entry, ...rest] = process.argv.slice(2);
process.argv.splice(1, process.argv.length, entry, ...rest);
await import(new URL(entry, `file://${process.cwd()}/`).href);
