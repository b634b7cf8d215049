import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TestCertificate {
  readonly path: string;
  readonly keyPath: string;
}

/** An issuer and a certificate from it, valid for a year; `path` holds both, as Nginx wants them. */
export function makeCertificate(folder: string, name: string): TestCertificate {
  const file = (suffix: string) => join(folder, `${name}-${suffix}.pem`);
  const issuer = { key: file('issuer-key'), certificate: file('issuer') };
  const key = file('key');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl([
    'req',
    '-x509',
    ...curve,
    '-keyout',
    issuer.key,
    '-out',
    issuer.certificate,
    '-days',
    '365',
    '-subj',
    `/CN=issuer of ${name}`,
  ]);
  openssl(['req', ...curve, '-keyout', key, '-out', file('request'), '-subj', `/CN=${name}`]);
  openssl([
    'x509',
    '-req',
    '-in',
    file('request'),
    '-CA',
    issuer.certificate,
    '-CAkey',
    issuer.key,
    '-CAcreateserial',
    '-days',
    '365',
    '-out',
    file('own'),
  ]);
  const path = file('chain');
  writeFileSync(path, readFileSync(file('own'), 'utf8') + readFileSync(issuer.certificate, 'utf8'));
  return { path, keyPath: key };
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe', timeout: 30_000 });
}
