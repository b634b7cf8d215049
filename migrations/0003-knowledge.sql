-- Files, vector stores and their generations. SQL and blobs are the truth; the vector index is derived from them.

create table files (
  id text primary key,
  project_id text not null references projects (id),
  filename text not null,
  purpose text not null,
  size_bytes bigint not null,
  sha256 bytea not null,
  blob_key text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  -- Set when a client deletes the file; a job removes the bytes and the row later.
  deleted_at timestamptz
);
create index files_by_project on files (project_id, created_at, id) where deleted_at is null;
create index files_by_blob on files (blob_key);
create index files_deleted on files (deleted_at) where deleted_at is not null;
create index files_to_expire on files (expires_at) where deleted_at is null and expires_at is not null;

-- Bytes on their way into the blob store. The row is written before them and deleted in the transaction that
-- creates the file, so that the bytes of an upload that died are found and removed.
create table pending_blobs (
  blob_key text primary key,
  created_at timestamptz not null
);
create index pending_blobs_by_age on pending_blobs (created_at);

create table vector_stores (
  id text primary key,
  project_id text not null references projects (id),
  -- Of the project; embedding calls of the ingestion are made and metered in its name.
  organization_id text not null,
  name text,
  description text,
  metadata jsonb not null,
  expires_after_days integer check (expires_after_days between 1 and 365),
  -- Name of the embedding model, its dimensions and the collection of the vector index that holds the rows.
  embedding_model text not null,
  embedding_dimensions integer not null,
  collection text not null,
  created_at timestamptz not null,
  last_active_at timestamptz not null,
  -- When a generation of the store last became current: soon after it, searches ask the index for strong consistency.
  changed_at timestamptz not null,
  deleted_at timestamptz
);
create index vector_stores_deleted on vector_stores (deleted_at) where deleted_at is not null;
create index vector_stores_by_project on vector_stores (project_id, created_at, id) where deleted_at is null;

create table file_batches (
  id text primary key,
  project_id text not null references projects (id),
  vector_store_id text not null references vector_stores (id),
  created_at timestamptz not null,
  cancelled_at timestamptz
);
create index file_batches_by_store on file_batches (vector_store_id);

create table vector_store_files (
  vector_store_id text not null references vector_stores (id),
  file_id text not null references files (id),
  project_id text not null references projects (id),
  batch_id text references file_batches (id),
  status text not null check (status in ('in_progress', 'completed', 'cancelled', 'failed')),
  error_code text check (error_code in ('server_error', 'unsupported_file', 'invalid_file')),
  error_message text,
  attributes jsonb not null,
  chunking_strategy jsonb not null,
  usage_bytes bigint not null default 0,
  -- The generation that searches see; null until the first one is complete.
  current_generation_id text,
  -- The generation that an ingestion is making. A job for any other generation has been overtaken and stops.
  building_generation_id text,
  -- Progress of the ingestion under way: chunks embedded so far, and in all once parsed.
  chunks_done integer not null default 0,
  chunks_total integer,
  -- Last sign of life of the ingestion; a job looks for files that show none.
  progressed_at timestamptz not null,
  created_at timestamptz not null,
  -- A deleted row stays for a while, so that a client that deletes while it pages does not lose its cursor.
  deleted_at timestamptz,
  primary key (vector_store_id, file_id)
);
create index vector_store_files_in_progress on vector_store_files (progressed_at) where status = 'in_progress';
create index vector_store_files_deleted on vector_store_files (deleted_at) where deleted_at is not null;
create index vector_store_files_by_batch on vector_store_files (batch_id, status);
create index vector_store_files_by_list on vector_store_files (vector_store_id, created_at, file_id);
create index vector_store_files_by_file on vector_store_files (file_id);

-- One immutable result of ingesting one file into one store.
create table generations (
  id text primary key,
  project_id text not null references projects (id),
  vector_store_id text not null,
  file_id text not null,
  collection text not null,
  -- Null until every chunk of the generation is stored.
  chunk_count integer,
  -- Tokens of all chunks by field: BM25 in SQL needs the average length without reading the chunks.
  words_length bigint not null default 0,
  characters_length bigint not null default 0,
  -- Embeddings as little-endian float32, row by row, in the blob store: a rebuild needs no embedding call.
  pack_blob_key text,
  state text not null check (state in ('building', 'current', 'superseded')),
  -- The run that makes the generation, and until when no other one may; both null while none does.
  claimed_by text,
  claimed_until timestamptz,
  created_at timestamptz not null,
  superseded_at timestamptz
);
create index generations_by_file on generations (vector_store_id, file_id);
create index generations_to_collect on generations (superseded_at) where state = 'superseded';
create index generations_building on generations (created_at) where state = 'building';
create index generations_by_collection on generations (collection, id) where state = 'current';

create table chunks (
  generation_id text not null references generations (id) on delete cascade,
  ordinal integer not null,
  project_id text not null,
  content text not null,
  -- Position in the parsed text of the file, in UTF-16 code units; page is 1-based, null without pages.
  char_start integer not null,
  char_end integer not null,
  page integer,
  heading_path text,
  token_count integer not null,
  words text not null,
  characters text not null,
  primary key (generation_id, ordinal)
);
