import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSecretBox } from './secret-key.ts';

let dataDirectory: string;
beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'llamp-secret-key-'));
});
afterEach(() => rm(dataDirectory, { recursive: true, force: true }));

const embedded = () => ({ masterKeys: undefined, database: undefined, dataDirectory });
const served = { url: 'postgres://db/llamp', poolMax: 2 };

describe('the master key', () => {
  it('GW-11 is made once in the embedded shape, for its owner alone', async () => {
    const first = await openSecretBox(embedded());
    const sealed = first?.seal('sk-1', 'here') ?? '';
    const path = join(dataDirectory, 'secret.key');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const again = await openSecretBox(embedded());
    expect(again?.open(sealed, 'here')).toBe('sk-1');
  });

  it('comes from the configuration when it is there', async () => {
    const masterKey = randomBytes(32);
    const boxes = [
      await openSecretBox({ ...embedded(), masterKeys: [masterKey] }),
      await openSecretBox({ ...embedded(), masterKeys: [masterKey], database: served }),
    ];
    expect(boxes[1]?.open(boxes[0]?.seal('sk-1', 'here') ?? '', 'here')).toBe('sk-1');
    await expect(readFile(join(dataDirectory, 'secret.key'))).rejects.toThrow('ENOENT');
  });

  it('is not made up beside a served database', async () => {
    expect(await openSecretBox({ ...embedded(), database: served })).toBeUndefined();
  });

  it('is never replaced when its file is damaged', async () => {
    const path = join(dataDirectory, 'secret.key');
    await writeFile(path, 'damaged');
    await expect(openSecretBox(embedded())).rejects.toThrow(/secret\.key holds no key/);
    expect(await readFile(path, 'utf8')).toBe('damaged');
  });
});
