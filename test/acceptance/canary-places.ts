import type { HoldingPlace } from '../support/canary/canary.ts';

/** Where a secret has to be, and why. Everything else is a leak. */
export const HOLDING_PLACES: readonly HoldingPlace[] = [
  {
    canary: /^(created|rotated) key$/,
    sink: /^answer:a (new|rotated) key$/,
    why: 'a key is shown once, to whoever makes it',
  },
  {
    canary: /^(second )?(access|refresh) token$/,
    sink: /^answer:a (refreshed )?session$/,
    why: 'tokens are shown to whoever signs in',
  },
  {
    canary: /^(created key|rotated key|first key|one-time link|(second )?refresh token)$/,
    sink: /^(table:(api_keys|refresh_tokens|one_time_links)|folder:data\/database\/)/,
    form: /^sha256 hex$/,
    why: 'keys and refresh tokens are recognised by their hash; it opens nothing',
  },
  {
    canary: /^wrong password$/,
    sink: /^answer:a field too many$/,
    why: 'an unknown field is named to its sender',
  },
  {
    canary: /^prompt$/,
    sink: /^answer:prompt /,
    why: 'an upstream may quote the prompt in its error to whoever sent it',
  },
  {
    canary: /^upstream key$/,
    sink: /^answer:prompt moderation environment echo-garbage$/,
    why: 'what an upstream answers with status 200 to an endpoint that is relayed is passed on as bytes',
  },
  {
    canary: /^one-time link$/,
    sink: /^command:users link$/,
    why: 'the link is printed for the operator who asks for it',
  },
  {
    canary: /^file text$/,
    sink: /^(answer:file text |table:chunks$|folder:(app-\d\/)?data\/(blobs|database|index)\/)/,
    why: 'a file is kept, and found, as what it is',
  },
];
