import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { damaged } from '../backup-error.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const FORMAT = 1;
const STORED_PLAIN = 0;
const STORED_ZSTD = 1;
const HEAD_BYTES = 2;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
const ZSTD_LEVEL = 3;
/** No chunk is larger before it is compressed: a single row is the largest. */
const CHUNK_MAX_BYTES = 512 * 1024 * 1024;

/**
 * Chunks between their content and what is stored. The name is a keyed hash of the content: equal contents have one
 * name, and without the key a name tells nothing. The nonce is a keyed hash of what is encrypted, so the same content
 * is stored as the same bytes and no nonce is used for two.
 */
export class ChunkCodec {
  readonly #nameKey: Buffer;
  readonly #nonceKey: Buffer;
  readonly #cipherKey: Buffer;

  /** `signer` is the public key of the archive: with another one, nothing opens. */
  constructor(dataKey: Uint8Array, signer: string) {
    const derive = (purpose: string) =>
      Buffer.from(hkdfSync('sha256', dataKey, signer, `llamp backup ${purpose}`, 32));
    this.#nameKey = derive('name');
    this.#nonceKey = derive('nonce');
    this.#cipherKey = derive('chunk');
  }

  nameOf(content: Uint8Array): string {
    return createHmac('sha256', this.#nameKey).update(content).digest('hex');
  }

  async encode(name: string, content: Uint8Array): Promise<Buffer> {
    if (content.length > CHUNK_MAX_BYTES)
      throw new RangeError(`a row of ${content.length} bytes fits into no backup`);
    const smaller = await compress(content, {
      params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL },
    });
    const isSmaller = smaller.length < content.length;
    const body = isSmaller ? smaller : content;
    const head = Buffer.from([FORMAT, isSmaller ? STORED_ZSTD : STORED_PLAIN]);
    const nonce = this.#nonceOf(head, body);
    const cipher = createCipheriv(CIPHER, this.#cipherKey, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(boundTo(name, head));
    const sealed = [cipher.update(body), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat([head, nonce, ...sealed]);
  }

  /** Throws unless every bit is as it was written, under this very name. */
  async decode(name: string, stored: Buffer): Promise<Buffer> {
    const content = await this.#open(name, stored).catch((error: unknown) => {
      throw damaged(`the chunk ${name} cannot be opened`, error);
    });
    if (this.nameOf(content) !== name) throw damaged(`the chunk ${name} has another content`);
    return content;
  }

  async #open(name: string, stored: Buffer): Promise<Buffer> {
    const head = stored.subarray(0, HEAD_BYTES);
    const nonce = stored.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES);
    const sealed = stored.subarray(HEAD_BYTES + NONCE_BYTES, stored.length - TAG_BYTES);
    if (stored.length < HEAD_BYTES + NONCE_BYTES + TAG_BYTES || head[0] !== FORMAT)
      throw new Error('no chunk of a known format');
    const decipher = createDecipheriv(CIPHER, this.#cipherKey, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo(name, head));
    decipher.setAuthTag(stored.subarray(stored.length - TAG_BYTES));
    const body = Buffer.concat([decipher.update(sealed), decipher.final()]);
    if (head[1] === STORED_PLAIN) return body;
    return await decompress(body, { maxOutputLength: CHUNK_MAX_BYTES });
  }

  #nonceOf(head: Buffer, body: Uint8Array): Buffer {
    const digest = createHmac('sha256', this.#nonceKey).update(head).update(body).digest();
    return digest.subarray(0, NONCE_BYTES);
  }
}

const boundTo = (name: string, head: Buffer) => Buffer.concat([Buffer.from(name), head]);
