import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, laterClock } from './fault.ts';
import { makeCertificate } from './test-certificates.ts';

const DAY_MS = 86_400_000;
const END = '-----END CERTIFICATE-----\n';

/** Faults of the certificate in front. */
export const CERTIFICATE_FAULTS: readonly Fault[] = [
  {
    name: 'a certificate that ended',
    check: 'tls.expiry',
    status: 'fail',
    seed: ({ folder }) => ({
      options: { certificate: makeCertificate(folder, 'ended') },
      clock: laterClock(400 * DAY_MS),
    }),
  },
  {
    name: 'a certificate that ends soon',
    check: 'tls.expiry',
    status: 'warn',
    seed: ({ folder }) => ({
      options: { certificate: makeCertificate(folder, 'ending') },
      clock: laterClock(355 * DAY_MS),
    }),
  },
  {
    name: 'a certificate file without a certificate',
    check: 'tls.expiry',
    status: 'fail',
    seed: ({ folder }) => {
      const path = join(folder, 'empty.pem');
      writeFileSync(path, 'nothing\n');
      return { options: { certificate: { path, keyPath: undefined } } };
    },
  },
  {
    name: 'the key of another certificate',
    check: 'tls.key',
    status: 'fail',
    seed: ({ folder }) => {
      const { path } = makeCertificate(folder, 'one');
      const { keyPath } = makeCertificate(folder, 'other');
      return { options: { certificate: { path, keyPath } } };
    },
  },
  {
    name: 'a chain in the wrong order',
    check: 'tls.chain',
    status: 'fail',
    seed: ({ folder }) => {
      const one = makeCertificate(folder, 'one');
      const other = makeCertificate(folder, 'other');
      const [own = ''] = readFileSync(one.path, 'utf8').split(END);
      writeFileSync(one.path, own + END + readFileSync(other.path, 'utf8'));
      return { options: { certificate: one } };
    },
  },
  {
    name: 'a certificate without that of its issuer',
    check: 'tls.chain',
    status: 'warn',
    seed: ({ folder }) => {
      const one = makeCertificate(folder, 'one');
      const [own = ''] = readFileSync(one.path, 'utf8').split(END);
      writeFileSync(one.path, own + END);
      return { options: { certificate: one } };
    },
  },
  {
    name: 'a private key that everybody may read',
    check: 'tls.permissions',
    status: 'warn',
    seed: ({ folder }) => {
      const certificate = makeCertificate(folder, 'one');
      chmodSync(certificate.keyPath, 0o644);
      return { options: { certificate } };
    },
  },
];
