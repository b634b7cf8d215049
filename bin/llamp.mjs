#!/usr/bin/env node
import module from 'node:module';
import { requireSupportedNode } from './supported-node.mjs';

requireSupportedNode();
// Stripping types and compiling some hundred files costs every start the same second otherwise.
module.enableCompileCache();
// Threads look here for it, and would strip the types of their files each time.
process.env.NODE_COMPILE_CACHE ??= module.getCompileCacheDir();
await import('../src/main.ts');
