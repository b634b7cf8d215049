#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { requireSupportedNode } from './supported-node.mjs';

requireSupportedNode();
// Stripping types and compiling some hundred files costs every start the same second otherwise.
enableCompileCache();
await import('../src/main.ts');
