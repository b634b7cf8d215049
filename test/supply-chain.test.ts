import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
  readonly allowScripts: Record<string, boolean>;
};
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Record<string, LockedPackage>;
};
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 13);

/** Free to use, change and pass on with a program under Apache-2.0. */
const PERMISSIVE = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
];
/** Each with the reason why it may stay. */
const OTHER_LICENCES: Readonly<Record<string, string>> = {
  // Used as they are, in folders of their own that anybody can replace; the client of Milvus brings them along.
  '@zenfs/core': 'LGPL-3.0-or-later',
  '@zenfs/streams': 'LGPL-3.0-or-later',
  memium: 'LGPL-3.0-or-later',
  utilium: 'LGPL-3.0-or-later',
};
// Not --omit dev: npm then leaves out what a development package needs besides, such as yaml.
const SBOM = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'];
/** Builds for other machines that the registry names without a checksum; npm leaves them out here. */
const WITHOUT_CHECKSUM =
  /^@zvec\/bindings-(?:darwin-arm64|linux-arm64|linux-arm64-musl|linux-x64-musl|win32-x64)$/;

describe('OP-14 what is installed', () => {
  test('OP-14 every dependency is pinned to one version', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
      .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${name}@${version}`);
    expect(loose).toEqual([]);
    expect(readFileSync('.npmrc', 'utf8')).toContain('save-exact=true');
  });

  test('OP-14 there are at most 30 direct dependencies at run time', () => {
    expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(30);
  });

  test('OP-14 every package is locked with its checksum', () => {
    const without = packages
      .filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))
      .map(([path]) => nameOf(path));
    expect(without.filter((name) => !WITHOUT_CHECKSUM.test(name))).toEqual([]);
  });

  test('OP-14 packages that want to run something while they are installed are known and may not', () => {
    const wanting = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect(wanting.map(([path]) => nameOf(path)).toSorted()).toEqual(
      Object.keys(manifest.allowScripts).toSorted(),
    );
    expect(Object.values(manifest.allowScripts)).not.toContain(true);
    expect(readFileSync('deployments/docker/Dockerfile', 'utf8')).toContain('--ignore-scripts');
  });

  test('OP-14 every licence at run time may be passed on', () => {
    const isAllowed = (expression: string) =>
      expression
        .replace(/[()]/g, '')
        .split(' OR ')
        .some((one) => PERMISSIVE.includes(one));
    const refused = packages
      .filter(([, { dev }]) => dev !== true)
      .filter(([path, { license = 'none' }]) => OTHER_LICENCES[nameOf(path)] !== license)
      .filter(([, { license = 'none' }]) => !isAllowed(license))
      .map(([path, { license }]) => `${nameOf(path)}: ${license}`);
    expect(refused).toEqual([]);
  });

  test('OP-14 npm sbom lists every package that runs', async () => {
    const { stdout } = await promisify(execFile)('npm', SBOM, { maxBuffer: 64 * 1024 ** 2 });
    const { bomFormat, components } = JSON.parse(stdout) as {
      bomFormat: string;
      components: { name: string; version: string }[];
    };
    expect(bomFormat).toBe('CycloneDX');
    const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
    const missing = packages
      .filter(([, { dev, optional }]) => dev !== true && optional !== true)
      .map(([path, { version }]) => `${nameOf(path)}@${version}`)
      .filter((one) => !listed.has(one));
    expect(missing).toEqual([]);
  });
});
