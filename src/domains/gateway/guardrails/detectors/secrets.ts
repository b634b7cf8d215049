import { type Detector, findShapes, type Shape } from './detector.ts';

const REACH = 256;
const OPEN_KEY = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,8192}$/;

const token = (pattern: RegExp): Shape => ({ label: 'SECRET', pattern });

/** Credentials by the marks that their makers put on them; plain passwords carry none and are not found. */
const SHAPES: readonly Shape[] = [
  token(
    /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,8192}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?/g,
  ),
  token(/(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,200}/g),
  token(/(?<![A-Za-z0-9])gh[opusr]_[A-Za-z0-9]{36,200}/g),
  token(/(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{22,200}/g),
  token(/(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,60}/g),
  token(/(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])/g),
  token(/(?<![A-Za-z0-9])LTAI[0-9A-Za-z]{12,26}(?![0-9A-Za-z])/g),
  token(/(?<![A-Za-z0-9])AKID[0-9A-Za-z]{32}(?![0-9A-Za-z])/g),
  token(/(?<![A-Za-z0-9])AIza[0-9A-Za-z_-]{35}/g),
  token(/(?<![A-Za-z0-9])xox[abeprs]-[0-9A-Za-z-]{10,200}/g),
  token(/(?<![A-Za-z0-9])(?:sk|rk|pk)_live_[0-9A-Za-z]{16,200}/g),
  token(/(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,60}/g),
  token(
    /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16,1000}/g,
  ),
];

/** Finds keys and tokens of well-known makers, JSON web tokens and private keys. */
export function secretDetector(): Detector {
  return {
    find: (text) => findShapes(SHAPES, text),
    reach: REACH,
    openFrom: (text) => OPEN_KEY.exec(text)?.index,
  };
}
