import { ParseFailure } from './parse-failure.ts';

export type FileKind = 'pdf' | 'html' | 'markdown' | 'text';

const UNSUPPORTED_EXTENSIONS: ReadonlySet<string> = new Set(
  (
    'doc docx xls xlsx ppt pptx odt ods odp rtf epub pages numbers key png jpg jpeg gif bmp webp tif tiff ico heic ' +
    'mp3 mp4 m4a wav ogg flac avi mov mkv webm zip gz tgz bz2 xz 7z rar tar jar exe dll so dylib bin iso dmg wasm ' +
    'parquet sqlite db pyc class woff woff2 ttf otf psd'
  ).split(' '),
);

// First bytes of formats that may come under any name. Office files are zip archives.
const UNSUPPORTED_MAGIC: readonly (readonly number[])[] = [
  [0x50, 0x4b, 0x03, 0x04],
  [0xd0, 0xcf, 0x11, 0xe0],
  [0x89, 0x50, 0x4e, 0x47],
  [0xff, 0xd8, 0xff],
  [0x47, 0x49, 0x46, 0x38],
  [0x1f, 0x8b],
  [0x7f, 0x45, 0x4c, 0x46],
  [0x7b, 0x5c, 0x72, 0x74, 0x66],
];

/** What the file is: by its first bytes where they are telling, otherwise by its name. */
export function fileKind(filename: string, bytes: Uint8Array): FileKind {
  if (startsWith(bytes, [0x25, 0x50, 0x44, 0x46, 0x2d])) return 'pdf';
  const extension = /\.([^./\\]+)$/.exec(filename)?.[1]?.toLowerCase() ?? '';
  if (UNSUPPORTED_EXTENSIONS.has(extension)) throw unsupported(`Files of type .${extension}`);
  if (UNSUPPORTED_MAGIC.some((magic) => startsWith(bytes, magic)))
    throw unsupported('Files of this type');
  if (extension === 'pdf')
    throw new ParseFailure('invalid_file', 'The file is named .pdf and is not a PDF document.');
  if (['html', 'htm', 'xhtml'].includes(extension)) return 'html';
  if (['md', 'markdown', 'mdx'].includes(extension)) return 'markdown';
  return extension === '' && beginsLikeHtml(bytes) ? 'html' : 'text';
}

function beginsLikeHtml(bytes: Uint8Array): boolean {
  const beginning = new TextDecoder('latin1').decode(bytes.subarray(0, 256));
  return /^\s*<(?:!doctype html|html)\b/i.test(beginning);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function unsupported(what: string): ParseFailure {
  return new ParseFailure(
    'unsupported_file',
    `${what} are not supported. Supported are PDF with text, HTML, Markdown, and text in any form (code, CSV, JSON, logs).`,
  );
}
