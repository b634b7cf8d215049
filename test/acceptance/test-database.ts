import { randomUUID } from 'node:crypto';
import { Client } from 'pg';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  query(statement: string): Promise<unknown[]>;
}

/** A database of its own on the server of a leg; dropped when it goes out of scope. */
export async function createTestDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `acceptance_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await query(serverUrl, `create database ${name}`);
  return {
    url: url.href,
    query: (statement) => query(url.href, statement),
    [Symbol.asyncDispose]: async () => {
      await query(serverUrl, `drop database ${name} with (force)`);
    },
  };
}

async function query(connectionString: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
