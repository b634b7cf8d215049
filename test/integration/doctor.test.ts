import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runLlamp } from '../acceptance/llamp-process.ts';
import { temporaryFolder } from '../support/database-template.ts';
import { DATA_FAULTS } from '../support/doctor/data-faults.ts';
import { named, told } from '../support/doctor/fault.ts';
import {
  type InstalledPlatform,
  installPlatform,
  storeOneFile,
} from '../support/doctor/installed-platform.ts';
import { preparedDataFolder } from '../support/prepared-data-folder.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';

describe('the embedded shape', () => {
  const folder = temporaryFolder('doctor');
  let platform: InstalledPlatform;
  beforeAll(async () => {
    platform = await installPlatform({ LLAMP_DATA_DIR: folder });
  });
  afterAll(async () => {
    await platform?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('OP-9 nothing is wrong with what is right', async () => {
    const reports = await platform.examine();
    expect(told(reports.filter(({ status }) => status === 'fail'))).toBe('');
    expect(named(reports, 'ok')).toEqual(
      expect.arrayContaining(['database.schema', 'drift.vectors', 'drift.missing-blobs']),
    );
  });

  test.each(DATA_FAULTS)('OP-9 $name is named by $check, and nothing else fails', async (fault) => {
    const reports = await platform.examineWith(fault);
    const found = reports.find(({ id }) => id === fault.check);
    // An embedded database that is behind is no fault: its next start migrates it.
    expect(found, told(reports)).toMatchObject({ status: fault.status });
    const others = named(reports, 'fail').filter((id) => id !== fault.check);
    expect(others, told(reports)).toEqual([]);
  });

  test('OP-9 a running server tells the holder of a management key, in both languages', async () => {
    const ask = (query: string) =>
      fetch(`${platform.url}/api/v1/doctor${query}`, {
        headers: { authorization: `Bearer ${platform.apiKey}` },
      });
    const report = (await (await ask('')).json()) as { checks: { id: string; title: string }[] };
    expect(report).toMatchObject({ object: 'doctor_report', status: 'ok' });
    const chinese = (await (await ask('?lang=zh')).json()) as typeof report;
    const titleIn = ({ checks }: typeof report) =>
      checks.find(({ id }) => id === 'database.schema')?.title;
    expect([titleIn(report), titleIn(chinese)]).toEqual([
      'Schema of the database',
      '数据库结构版本',
    ]);
    expect((await ask('?lang=fr')).status).toBe(400);
    expect((await fetch(`${platform.url}/api/v1/doctor`)).status).toBe(401);
  });
});

describe('`llamp doctor`', () => {
  let installation: Installation;
  let dataDirectory: string;
  beforeAll(async () => {
    dataDirectory = await preparedDataFolder('doctor-command');
    installation = await startEmbedded({ dataDirectory });
  });
  afterAll(async () => {
    await installation?.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  });

  const variables = () => {
    const [app] = installation.instances;
    return {
      LLAMP_DATA_DIR: app?.dataDirectory ?? '',
      LLAMP_PORT: new URL(installation.url).port,
      LANG: 'C.UTF-8',
    };
  };
  const statuses = (stdout: string): Record<string, string> => {
    const { checks } = JSON.parse(stdout) as { checks: { id: string; status: string }[] };
    return Object.fromEntries(checks.map(({ id, status }) => [id, status]));
  };

  test('OP-9 beside a running server asks it, with a key', async () => {
    const keyFile = join(installation.directory, 'key');
    writeFileSync(keyFile, `${installation.apiKey}\n`, { mode: 0o600 });
    const ended = await runLlamp(['doctor', '--json', '--key-file', keyFile], variables());
    expect(ended, ended.stdout).toMatchObject({ code: 0, stderr: '' });
    expect(statuses(ended.stdout)).toMatchObject({
      'host.port': 'ok',
      'data-folder.lock': 'ok',
      'database.schema': 'ok',
    });
    const without = await runLlamp(['doctor', '--json'], variables());
    expect(without.code, without.stdout).toBe(0);
    expect(statuses(without.stdout)).toMatchObject({ 'database.schema': 'skip' });
  });

  test('OP-9 without a server looks for itself, and changes nothing', async () => {
    const [app] = installation.instances;
    await app?.stop();
    try {
      const ended = await runLlamp(['doctor', '--lang', 'zh'], variables());
      expect(ended, ended.stdout).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toMatch(/ok +database\.schema/);
      expect(ended.stdout).toContain('全部正确');
    } finally {
      await app?.start();
    }
  });

  test('OP-9 `--repair` puts back an index that is gone, when it may', async () => {
    const [app] = installation.instances;
    await storeOneFile(installation.url, installation.apiKey);
    await app?.stop();
    try {
      rmSync(join(variables().LLAMP_DATA_DIR, 'index'), { recursive: true });
      const found = await runLlamp(['doctor', '--only', 'drift'], variables());
      expect(found, found.stdout).toMatchObject({
        code: 1,
        stderr: 'llamp: failed: drift.vectors\n',
      });
      const unasked = await runLlamp(['doctor', '--repair'], variables());
      expect(unasked).toMatchObject({ code: 1 });
      expect(unasked.stderr).toContain('--yes');
      const repaired = await runLlamp(['doctor', '--repair', '--yes', '--json'], variables());
      expect(repaired.code, repaired.stderr + repaired.stdout).toBe(0);
      expect(statuses(repaired.stdout)).toMatchObject({ 'drift.vectors': 'ok' });
    } finally {
      await app?.start();
    }
    // Five processes, each with a database that it opens.
  }, 300_000);

  test('OP-9 exit codes: 1 for a failure, 2 for a wrong command, 78 for a wrong configuration', async () => {
    const failed = await runLlamp(['doctor', '--only', 'host.port'], {
      ...variables(),
      LLAMP_HOST: '192.0.2.1',
    });
    expect(failed).toMatchObject({ code: 1, stderr: 'llamp: failed: host.port\n' });
    expect((await runLlamp(['doctor', '--only', 'nothing'], variables())).code).toBe(2);
    expect((await runLlamp(['doctor', '--lang', 'fr'], variables())).code).toBe(2);
    const wrong = await runLlamp(['doctor'], { ...variables(), LLAMP_WORKERS: 'many' });
    expect(wrong.code).toBe(78);
    expect(wrong.stdout).toContain('LLAMP_WORKERS');
  });
});
