import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { damaged } from '../backup-error.ts';
import { isSignedBy, type WritingKey } from './archive-key.ts';

const Count = Type.Integer({ minimum: 0 });
const Name = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Text = Type.String({ maxLength: 1_024 });

/** Name, stored bytes, and their SHA-256: whoever has no key can prove with it that nothing was changed. */
const ChunkEntry = Type.Tuple([Name, Count, Name]);

const ManifestForm = Type.Object({
  format: Type.Literal(1),
  id: Type.String({ pattern: '^[a-z0-9_-]{1,80}$' }),
  /** Everything that was acknowledged before this moment is in the backup. */
  consistent_at: Text,
  started_at: Text,
  finished_at: Text,
  application_version: Text,
  schema_version: Count,
  shape: Type.Object({ database: Text, blobs: Text, index: Text }),
  installation_id: Text,
  key: Type.Object({ id: Text, sha256: Name, signer: Text }),
  /** Ids of the keys that sealed the secrets in it, and the keys themselves for the recipient (an age file). */
  secret_key_ids: Type.Array(Text),
  secret_keys_for_recipient: Type.Union([Type.String(), Type.Null()]),
  tables: Type.Array(Type.Object({ name: Text, rows: Count })),
  blobs: Type.Object({ count: Count, size_bytes: Count }),
  size_bytes: Count,
  added_bytes: Count,
  /** Where the list of contents lies, in order. */
  contents: Type.Array(Name),
  chunks: Type.Array(ChunkEntry),
});
export type Manifest = Static<typeof ManifestForm>;
export type ChunkEntry = Static<typeof ChunkEntry>;

const SIGNED_AS = 'llamp backup manifest\n';
const SIGNATURE_PATTERN = /^[0-9a-f]{128}$/;

/** Two lines: the manifest, and the signature over the first one. */
export function signManifest(manifest: Manifest, key: WritingKey): string {
  const line = JSON.stringify(manifest);
  return `${line}\n${key.sign(signedBytes(line)).toString('hex')}\n`;
}

/** Throws unless it is exactly what its signer signed. Who that is, is for the caller to judge. */
export function parseManifest(text: string, id: string): Manifest {
  const [line = '', signature = '', end] = text.split('\n');
  if (end !== '' || !SIGNATURE_PATTERN.test(signature) || text.split('\n').length !== 3)
    throw damaged(`the manifest of backup ${id} is not whole`);
  const manifest = manifestOf(line, id);
  if (manifest.id !== id) throw damaged(`the manifest of backup ${id} is that of ${manifest.id}`);
  if (!isSignedBy(manifest.key.signer, signedBytes(line), Buffer.from(signature, 'hex')))
    throw damaged(`the manifest of backup ${id} is not what was signed`);
  return manifest;
}

function manifestOf(line: string, id: string): Manifest {
  try {
    const value: unknown = JSON.parse(line);
    if (Check(ManifestForm, value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged(`the manifest of backup ${id} cannot be read, or a newer release wrote it`);
}

const signedBytes = (line: string) => Buffer.from(`${SIGNED_AS}${line}`, 'utf8');
