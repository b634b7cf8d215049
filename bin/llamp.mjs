#!/usr/bin/env node
import module from 'node:module';
import { requireSupportedNode } from './supported-node.mjs';

requireSupportedNode();
// Stripping types and compiling some hundred files costs every start the same second otherwise.
module.enableCompileCache();
await import('../src/main.ts');
