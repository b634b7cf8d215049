import type { Endpoint } from '../../models/index.ts';
import { invalidValue } from '../errors.ts';
import {
  arrayOf,
  boolean,
  type Check,
  integer,
  number,
  object,
  oneOf,
  string,
  stringOr,
} from '../field-checks.ts';

/** One endpoint whose bodies and answers pass through. */
export interface RelayEndpoint {
  readonly path: string;
  readonly endpoint: Endpoint;
  readonly summary: string;
  readonly bodies: readonly ('json' | 'form')[];
  readonly required: readonly string[];
  /** Of known fields in JSON; fields of a form are all text. */
  readonly checks: Readonly<Record<string, Check>>;
  /** A form holds a file under one of these names. */
  readonly files: readonly string[];
  /** What OpenAI takes when the client names no model. */
  readonly defaultModel?: string;
}

const DOCUMENTS_MAX = 100_000;
const TEXTS_MAX = 100_000;

const filledString: Check = (value, param) => {
  string(value, param);
  if (value === '') throw invalidValue(param, 'it must not be empty');
};

const documents: Check = (value, param) => {
  arrayOf(stringOr(object), DOCUMENTS_MAX)(value, param);
  if (Array.isArray(value) && value.length === 0)
    throw invalidValue(param, 'expected at least one document');
};

const IMAGE: Readonly<Record<string, Check>> = {
  prompt: filledString,
  n: integer(1, 128),
  size: string,
  quality: string,
  response_format: string,
  output_format: string,
  output_compression: integer(0, 100),
  partial_images: integer(0, 3),
  stream: boolean,
  user: string,
};

const SPEECH_FIELDS = ['model', 'file'] as const;

/** In the order of the documentation. */
export const RELAY_ENDPOINTS: readonly RelayEndpoint[] = [
  {
    path: '/rerank',
    endpoint: 'rerank',
    summary: 'Order documents by relevance',
    bodies: ['json'],
    required: ['model', 'query', 'documents'],
    checks: {
      query: stringOr(object),
      documents,
      top_n: integer(1, DOCUMENTS_MAX),
      return_documents: boolean,
    },
    files: [],
  },
  {
    path: '/moderations',
    endpoint: 'moderations',
    summary: 'Classify text and pictures',
    bodies: ['json'],
    required: ['input'],
    checks: { input: stringOr(arrayOf(stringOr(object), TEXTS_MAX)) },
    files: [],
    defaultModel: 'omni-moderation-latest',
  },
  {
    path: '/images/generations',
    endpoint: 'images.generations',
    summary: 'Create images',
    bodies: ['json'],
    required: ['model', 'prompt'],
    checks: IMAGE,
    files: [],
  },
  {
    path: '/images/edits',
    endpoint: 'images.edits',
    summary: 'Edit images',
    bodies: ['form', 'json'],
    required: ['model', 'prompt'],
    checks: IMAGE,
    files: ['image', 'image[]'],
  },
  {
    path: '/audio/speech',
    endpoint: 'audio.speech',
    summary: 'Speak a text',
    bodies: ['json'],
    required: ['model', 'input'],
    checks: {
      input: filledString,
      voice: stringOr(object),
      instructions: string,
      response_format: string,
      speed: number(0.25, 4),
      stream_format: oneOf('sse', 'audio'),
    },
    files: [],
  },
  {
    path: '/audio/transcriptions',
    endpoint: 'audio.transcriptions',
    summary: 'Write down speech',
    bodies: ['form'],
    required: SPEECH_FIELDS,
    checks: {},
    files: ['file'],
  },
  {
    path: '/audio/translations',
    endpoint: 'audio.translations',
    summary: 'Write down speech in English',
    bodies: ['form'],
    required: SPEECH_FIELDS,
    checks: {},
    files: ['file'],
  },
];
