import { unixSeconds } from '../page.ts';

export const FILE_PURPOSES = [
  'assistants',
  'batch',
  'fine-tune',
  'vision',
  'user_data',
  'evals',
] as const;
/** What the platform itself writes; listed and filtered, never uploaded. */
export const OUTPUT_PURPOSES = ['assistants_output', 'batch_output', 'fine-tune-results'] as const;

export interface FileRecord {
  readonly id: string;
  readonly project_id: string;
  readonly filename: string;
  readonly purpose: string;
  readonly size_bytes: number;
  readonly sha256: Uint8Array;
  readonly blob_key: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
}

/** OpenAI's file. `status` is deprecated there and still required by clients. */
export function fileObject(file: FileRecord) {
  return {
    id: file.id,
    object: 'file' as const,
    bytes: file.size_bytes,
    created_at: unixSeconds(file.created_at),
    expires_at: file.expires_at === null ? null : unixSeconds(file.expires_at),
    filename: file.filename,
    purpose: file.purpose,
    status: 'processed' as const,
    status_details: null,
  };
}

export type FileObject = ReturnType<typeof fileObject>;
