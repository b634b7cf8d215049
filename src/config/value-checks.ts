import { isIP } from 'node:net';
import { isWellFormedApiKey } from '../lib/api-key.ts';
import { AllowListError, parseAllowList } from '../lib/outbound-guard/index.ts';
import { masterKeysFrom } from '../lib/secret-box.ts';
import { InvalidValue } from './variable.ts';

export function checkNetwork(item: string): void {
  const [address = '', bits, ...rest] = item.split('/');
  const family = isIP(address);
  const valid =
    family !== 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)));
  if (!valid) {
    throw new InvalidValue(
      `contains ${JSON.stringify(item)}, which is no address or network`,
      'list addresses like 127.0.0.1 or networks like 10.0.0.0/8',
    );
  }
}

export function checkOutboundPlace(item: string): void {
  try {
    parseAllowList([item]);
  } catch (error) {
    if (!(error instanceof AllowListError)) throw error;
    throw new InvalidValue(
      `contains ${JSON.stringify(item)}, which is no host name, address or network`,
      'list places like 127.0.0.1:11434, ollama.internal or 10.20.0.0/16',
    );
  }
}

export function checkBucket(value: string): void {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value)) {
    throw new InvalidValue(
      'is not a bucket name',
      'use 3 to 63 lower-case letters, digits, dots and dashes',
    );
  }
}

export function checkHost(value: string): void {
  if (!/^[A-Za-z0-9._-]+$/.test(value) && isIP(value) === 0) {
    throw new InvalidValue(
      'is not a host name',
      'give the name or address alone; the port goes into MILVUS_PORT',
    );
  }
}

export function checkEmail(value: string): void {
  if (!/^[^\s@]+@[^\s@]+$/.test(value) || value.length > 254) {
    throw new InvalidValue('is not an e-mail address', 'write it like admin@example.com');
  }
}

export function checkPassword(value: string): void {
  if (value.length < 12 || value.length > 128) {
    throw new InvalidValue('is too short or too long', 'use 12 to 128 characters');
  }
}

export function checkMasterKey(value: string): void {
  if (masterKeysFrom(value.split(',')) === undefined) {
    throw new InvalidValue(
      'is no key of 32 bytes in base64 or hexadecimal digits, or a list of them',
      'make one with `openssl rand -base64 32`',
    );
  }
}

export function checkApiKey(value: string): void {
  if (!isWellFormedApiKey(value)) {
    throw new InvalidValue(
      'is no key: too short, or with the prefix of Llamp and a wrong checksum',
      'use 16 to 200 visible ASCII characters, or leave it unset and take the key that the first start prints',
    );
  }
}

export function checkBackupTarget(item: string): void {
  const isBucket = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[a-z0-9/_.-]*)?$/.test(item);
  if (isBucket || (item !== '' && !item.includes('://'))) return;
  throw new InvalidValue(
    `contains ${JSON.stringify(item)}, which is no folder and no bucket`,
    'list folders like /backups/llamp or buckets like s3://llamp-backups/production',
  );
}

export function checkBackupRecipient(value: string): void {
  if (/^age1[02-9ac-hj-np-z]{58}$/.test(value)) return;
  throw new InvalidValue(
    'is no recipient',
    'set the line that begins with age1 and that `llamp backup keygen` prints',
  );
}

export function checkBackupKeep(value: string): void {
  if (/^\d{1,4},\d{1,4},\d{1,4}$/.test(value)) return;
  throw new InvalidValue('is not three numbers', 'write days, weeks and months like 7,4,12');
}

export function checkCron(value: string): void {
  if (/^[\d*/,-]+(?: [\d*/,A-Za-z-]+){4}$/.test(value)) return;
  throw new InvalidValue('has not the five fields of cron', 'write it like 30 2 * * *');
}
