import { type SecretBox, SecretBoxError } from '../../../lib/secret-box.ts';
import type { Changer, RecordChange } from '../change.ts';
import { signInUnavailable } from '../errors.ts';
import type { Principal } from '../principal.ts';
import { ACCESS_TOKEN_LIFE_SECONDS, signAccessToken, type TokenSigner } from './access-token.ts';
import { type CodeSignIn, TICKET_LIFE_SECONDS, type TicketAndCode } from './code-sign-in.ts';
import type { Credentials, PasswordSignIn } from './password-sign-in.ts';
import { rotateSigningKey } from './rotate-signing-key.ts';
import type { OpenSession, SessionService } from './session-service.ts';
import type { SignInDirectory, SignInDirectoryOptions } from './sign-in-directory.ts';
import type { SigningKeyRow } from './signing-key-repository.ts';
import { isRotationDue, jwkOf, publishedKeys, signerOf } from './signing-keys.ts';

export interface SignInParts extends SignInDirectoryOptions {
  /** Undefined without a master key: nobody can sign in then. */
  readonly box: SecretBox | undefined;
  readonly recordChange?: RecordChange;
  readonly directory: SignInDirectory;
  readonly passwordStep: PasswordSignIn;
  readonly codeStep: CodeSignIn;
  readonly sessions: SessionService;
}

export interface SessionTokens {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
}

/** What a right password leads to: tokens, or a ticket for the second step. */
export type SignInResult =
  | { readonly kind: 'tokens'; readonly tokens: SessionTokens }
  | { readonly kind: 'ticket'; readonly ticket: string; readonly expiresInSeconds: number };

/** Sign-in of people: two steps, sessions, and the tokens that programs and browsers act with. */
export class SignIn {
  readonly #parts: SignInParts;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /** Loads what tokens are checked against, and makes the first signing key so that every instance has it early. */
  async open(): Promise<void> {
    const { directory, box } = this.#parts;
    await directory.open();
    if (box !== undefined && directory.signingKeys.length === 0) await this.rotateSigningKey();
  }

  close = () => this.#parts.directory.close();
  /** Resolves when every change that was committed before the call is in force here. */
  refreshDirectory = () => this.#parts.directory.refresh();

  authenticate(token: string, projectId?: string): Principal | null {
    return this.#parts.directory.authenticate(token, projectId);
  }

  async signIn(credentials: Credentials): Promise<SignInResult> {
    const { passwordStep, codeStep, sessions } = this.#parts;
    const signer = await this.#signer();
    const { userId, hasSecondFactor } = await passwordStep.check(credentials);
    if (hasSecondFactor) {
      const ticket = await codeStep.issueTicket(userId);
      return { kind: 'ticket', ticket, expiresInSeconds: TICKET_LIFE_SECONDS };
    }
    const { address, userAgent = null } = credentials;
    const session = await sessions.begin(userId, { address, userAgent });
    return { kind: 'tokens', tokens: this.#tokens(session, signer) };
  }

  async completeSignIn(input: TicketAndCode): Promise<SessionTokens> {
    const signer = await this.#signer();
    return this.#tokens(await this.#parts.codeStep.complete(input), signer);
  }

  async refresh(refreshToken: string): Promise<SessionTokens> {
    const signer = await this.#signer();
    return this.#tokens(await this.#parts.sessions.refresh(refreshToken), signer);
  }

  async signOut(refreshToken: string): Promise<void> {
    const { sessions, directory } = this.#parts;
    await sessions.end(refreshToken);
    await directory.refresh();
  }

  /** Publishes the next key; see `rotateSigningKey`. */
  async rotateSigningKey(changer?: Changer): Promise<SigningKeyRow> {
    const { directory } = this.#parts;
    const key = await rotateSigningKey({ ...this.#parts, box: this.#box() }, changer);
    await directory.refresh();
    return key;
  }

  /** Every public key whose tokens may be in force, and the next one. */
  jwks() {
    const { directory, clock } = this.#parts;
    return { keys: publishedKeys(directory.signingKeys, clock.now()).map(jwkOf) };
  }

  async #signer(): Promise<TokenSigner> {
    const { clock, directory } = this.#parts;
    const box = this.#box();
    if (isRotationDue(directory.signingKeys, clock.now())) await this.rotateSigningKey();
    try {
      const signer = signerOf(directory.signingKeys, clock.now(), box);
      if (signer !== undefined) return signer;
    } catch (error) {
      if (error instanceof SecretBoxError) throw signInUnavailable(error);
      throw error;
    }
    throw signInUnavailable();
  }

  #tokens(session: OpenSession, signer: TokenSigner): SessionTokens {
    const { clock, parties } = this.#parts;
    const { userId, sessionId, refreshToken } = session;
    const tokenId = clock.newId('tok_');
    const claims = { userId, sessionId, tokenId, nowMs: clock.now().getTime() };
    return {
      accessToken: signAccessToken(claims, parties, signer),
      expiresInSeconds: ACCESS_TOKEN_LIFE_SECONDS,
      refreshToken,
    };
  }

  #box(): SecretBox {
    const { box } = this.#parts;
    if (box === undefined) throw signInUnavailable();
    return box;
  }
}
