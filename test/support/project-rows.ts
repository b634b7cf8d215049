import type { Database } from '../../src/ports/database.ts';

export const PROJECTS = ['proj_1', 'proj_2'] as const;

/** A row of each readable table that belongs to projects, for both projects. Whoever makes such a table adds a row here. */
export async function insertProjectRows(database: Database): Promise<void> {
  await database.executeScript(`
    insert into organizations (id, name, created_at) values ('org_1', 'One', now());
    insert into users (id, email, name, created_at) values ('user_1', 'a@b.c', 'A', now());
    ${PROJECTS.map(rowsOf).join('\n')}`);
}

function rowsOf(id: string): string {
  const store = `vs_${id}`;
  const file = `file_${id}`;
  return `
    insert into projects (id, organization_id, name, created_at) values ('${id}', 'org_1', '${id}', now());
    insert into project_members (project_id, user_id, role, created_at) values ('${id}', 'user_1', 'viewer', now());
    insert into usage_records (id, project_id, request_id, endpoint, model, deployment, status, streamed, prompt_tokens,
        completion_tokens, cached_tokens, reasoning_tokens, estimated, duration_ms, created_at)
      values ('usage_${id}', '${id}', 'r', 'embeddings', 'm', 'd', 'completed', false, 1, 1, 0, 0, false, 1, now());
    insert into audit_events (id, created_at, organization_id, project_id, actor_kind, action, resource_kind, outcome,
        data_class)
      values ('audit_${id}', now(), 'org_1', '${id}', 'service', 'files.create', 'file', 'success', 'content');
    insert into files (id, project_id, filename, purpose, size_bytes, sha256, blob_key, created_at)
      values ('${file}', '${id}', 'f.txt', 'assistants', 1, '\\x00', 'blob', now());
    insert into vector_stores (id, project_id, organization_id, metadata, embedding_model, embedding_dimensions,
        collection, created_at, last_active_at, changed_at)
      values ('${store}', '${id}', 'org_1', '{}', 'm', 1, 'c', now(), now(), now());
    insert into file_batches (id, project_id, vector_store_id, created_at)
      values ('batch_${id}', '${id}', '${store}', now());
    insert into vector_store_files (vector_store_id, file_id, project_id, batch_id, status, attributes,
        chunking_strategy, current_generation_id, progressed_at, created_at)
      values ('${store}', '${file}', '${id}', 'batch_${id}', 'completed', '{}', '{}', 'gen_${id}', now(), now());
    insert into generations (id, project_id, vector_store_id, file_id, collection, chunk_count, state, created_at)
      values ('gen_${id}', '${id}', '${store}', '${file}', 'c', 1, 'current', now());
    insert into chunks (generation_id, ordinal, project_id, content, char_start, char_end, token_count, words,
        characters)
      values ('gen_${id}', 0, '${id}', 'secret of ${id}', 0, 9, 1, 'secret', 's');`;
}
