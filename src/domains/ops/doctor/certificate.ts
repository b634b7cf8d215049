import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

const BEGIN = '-----BEGIN CERTIFICATE-----';

/** A certificate file as it is sent: the server's own first, then those that vouch for it. */
export async function readChain(path: string): Promise<X509Certificate[]> {
  const parts = (await readFile(path, 'utf8')).split(BEGIN).slice(1);
  return parts.map((part) => new X509Certificate(BEGIN + part));
}

/** Whether the private key is that of the certificate. */
export async function fitsKey(certificate: X509Certificate, keyPath: string): Promise<boolean> {
  return certificate.checkPrivateKey(createPrivateKey(await readFile(keyPath)));
}

/** Whether each certificate was signed by the one behind it. */
export function isLinked(chain: readonly X509Certificate[]): boolean {
  return chain.every((certificate, at) => {
    const next = chain[at + 1];
    return next === undefined || certificate.checkIssued(next);
  });
}

/** Whether more than the owner and its group may read a file. */
export async function isOpenToOthers(path: string): Promise<boolean> {
  return ((await stat(path)).mode & 0o007) !== 0;
}
