import { type SecretBox, SecretBoxError } from '../../../lib/secret-box.ts';
import { identityError } from '../errors.ts';
import type { PasswordHasher } from '../password.ts';
import type { Principal } from '../principal.ts';
import { ACCESS_TOKEN_LIFE_SECONDS, signAccessToken, type TokenSigner } from './access-token.ts';
import { type Credentials, PasswordSignIn } from './password-sign-in.ts';
import { announceSignInChange } from './session-repository.ts';
import { type OpenSession, type SecurityEvent, SessionService } from './session-service.ts';
import { SignInDirectory, type SignInDirectoryOptions } from './sign-in-directory.ts';
import { insertSigningKey } from './signing-key-repository.ts';
import { createSigningKey, isRotationDue, jwkOf, publishedKeys, signerOf } from './signing-keys.ts';

export interface SignInOptions extends SignInDirectoryOptions {
  readonly passwords: PasswordHasher;
  /** Undefined without a master key: nobody can sign in then. */
  readonly box: SecretBox | undefined;
  readonly onSecurityEvent: (event: SecurityEvent) => Promise<void>;
}

export interface SessionTokens {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
}

/** Sign-in of people: passwords, sessions, and the tokens that programs and browsers act with. */
export class SignIn {
  readonly #options: SignInOptions;
  readonly #directory: SignInDirectory;
  readonly #passwords: PasswordSignIn;
  readonly #sessions: SessionService;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#directory = new SignInDirectory(options);
    this.#passwords = new PasswordSignIn(options);
    this.#sessions = new SessionService(options);
  }

  /** Loads what tokens are checked against, and makes the first signing key so that every instance has it early. */
  async open(): Promise<void> {
    await this.#directory.open();
    if (this.#options.box !== undefined && this.#directory.signingKeys.length === 0)
      await this.rotateSigningKey();
  }

  close = () => this.#directory.close();

  authenticate(token: string, projectId?: string): Principal | null {
    return this.#directory.authenticate(token, projectId);
  }

  async signIn(credentials: Credentials): Promise<SessionTokens> {
    const signer = await this.#signer();
    const userId = await this.#passwords.check(credentials);
    return this.#tokens(await this.#sessions.begin(userId), signer);
  }

  async refresh(refreshToken: string): Promise<SessionTokens> {
    const signer = await this.#signer();
    return this.#tokens(await this.#sessions.refresh(refreshToken), signer);
  }

  async signOut(refreshToken: string): Promise<void> {
    await this.#sessions.end(refreshToken);
    await this.#directory.refresh();
  }

  /** Publishes the next key; it signs after a quarter of an hour. Of parallel calls one makes the key. */
  async rotateSigningKey(): Promise<void> {
    const { clock, database } = this.#options;
    const generation = (this.#directory.signingKeys[0]?.generation ?? 0) + 1;
    const id = clock.newId('sigkey_');
    const key = createSigningKey({ generation, id, now: clock.now() }, this.#box());
    await database.transaction(async (transaction) => {
      if (await insertSigningKey(transaction, key)) await announceSignInChange(transaction);
    });
    await this.#directory.refresh();
  }

  /** Every public key whose tokens may be in force, and the next one. */
  jwks() {
    const { signingKeys } = this.#directory;
    return { keys: publishedKeys(signingKeys, this.#options.clock.now()).map(jwkOf) };
  }

  async #signer(): Promise<TokenSigner> {
    const { clock } = this.#options;
    const box = this.#box();
    if (isRotationDue(this.#directory.signingKeys, clock.now())) await this.rotateSigningKey();
    try {
      const signer = signerOf(this.#directory.signingKeys, clock.now(), box);
      if (signer !== undefined) return signer;
    } catch (error) {
      if (error instanceof SecretBoxError) throw unavailable(error);
      throw error;
    }
    throw unavailable();
  }

  #tokens(session: OpenSession, signer: TokenSigner): SessionTokens {
    const { clock, parties } = this.#options;
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
    const { box } = this.#options;
    if (box === undefined) throw unavailable();
    return box;
  }
}

const unavailable = (cause?: unknown) =>
  identityError('sign_in_unavailable', 'Nobody can sign in: the keys that sign are not at hand.', {
    cause,
  });
