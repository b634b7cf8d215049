#!/usr/bin/env node
import { requireSupportedNode } from './supported-node.mjs';

requireSupportedNode();
await import('../src/main.ts');
