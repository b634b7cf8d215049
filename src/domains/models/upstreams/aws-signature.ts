import { createHmac, hash } from 'node:crypto';

export interface AwsCredential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface AwsRequest {
  readonly url: URL;
  readonly service: string;
  readonly region: string;
  readonly now: Date;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const EMPTY_BODY = hash('sha256', '', 'hex');

/** Headers that sign a GET without body and query (AWS Signature Version 4). */
export function signedHeaders(
  { url, service, region, now }: AwsRequest,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredential,
): Record<string, string> {
  const time = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const headers: Record<string, string> = { host: url.host, 'x-amz-date': time };
  if (sessionToken !== undefined) headers['x-amz-security-token'] = sessionToken;
  const names = Object.keys(headers).sort();
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonicalRequest = ['GET', url.pathname, '', canonicalHeaders, names.join(';'), EMPTY_BODY];
  const scope = `${day}/${region}/${service}/aws4_request`;
  const digest = hash('sha256', canonicalRequest.join('\n'), 'hex');
  const key = [day, region, service, 'aws4_request'].reduce<Uint8Array>(
    (previous, part) => createHmac('sha256', previous).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
  const signature = createHmac('sha256', key)
    .update([ALGORITHM, time, scope, digest].join('\n'))
    .digest('hex');
  const { host: _host, ...sent } = headers;
  return {
    ...sent,
    authorization: `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}
