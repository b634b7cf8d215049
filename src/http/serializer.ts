import type { FastifySchemaControllerOptions } from 'fastify/types/schema.js';

/**
 * Answers are written with `JSON.stringify`, as no route declares a response schema. Without this the framework loads
 * two schema compilers that nobody asks for.
 */
export const serializeWithoutSchema: FastifySchemaControllerOptions = {
  compilersFactory: {
    buildSerializer: () => () => JSON.stringify,
    // Never asked: every server sets its own validator compiler.
    buildValidator: () => {
      throw new Error('this server has no validator compiler');
    },
  },
};
