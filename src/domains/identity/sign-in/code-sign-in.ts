import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { identityError } from '../errors.ts';
import { generateToken, hashToken } from '../one-time-link.ts';
import { attemptNetwork } from './attempt-network.ts';
import type { AttemptThrottle } from './attempt-throttle.ts';
import { invalidCode, type SecondFactor } from './second-factor.ts';
import { findTicket, insertTicket, useTicket } from './second-factor-repository.ts';
import type { OpenSession, SessionService } from './session-service.ts';

export const TICKET_LIFE_SECONDS = 300;

const ADDRESS_ATTEMPTS_MAX = 100;

export interface CodeSignInDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly throttle: AttemptThrottle;
  readonly secondFactor: SecondFactor;
  readonly sessions: SessionService;
}

export interface TicketAndCode {
  readonly ticket: string;
  /** Of the authenticator, or a recovery code. */
  readonly code: string;
  readonly address: string;
  readonly userAgent?: string | null;
}

/** The second step of a sign-in: a ticket says that the password was right, a code completes it. */
export class CodeSignIn {
  readonly #dependencies: CodeSignInDependencies;

  constructor(dependencies: CodeSignInDependencies) {
    this.#dependencies = dependencies;
  }

  /** A ticket for somebody whose password was right. It opens nothing but the second step. */
  async issueTicket(userId: string): Promise<string> {
    const { database, clock } = this.#dependencies;
    const ticket = generateToken();
    const createdAt = clock.now();
    const expiresAt = new Date(createdAt.getTime() + TICKET_LIFE_SECONDS * 1000);
    await insertTicket(database, { tokenHash: hashToken(ticket), userId, createdAt, expiresAt });
    return ticket;
  }

  /** Begins the session. A wrong code leaves the ticket usable, and is counted. */
  async complete({ ticket, code, address, userAgent = null }: TicketAndCode): Promise<OpenSession> {
    const { database, clock, throttle, secondFactor, sessions } = this.#dependencies;
    const limit = { attemptsMax: ADDRESS_ATTEMPTS_MAX, param: 'ticket' };
    await throttle.admit(`address:${attemptNetwork(address)}`, limit);
    const tokenHash = hashToken(ticket);
    const found = await findTicket(database, { tokenHash, now: clock.now() });
    if (found === undefined) throw unusableTicket();
    const { user_id: userId } = found;
    await secondFactor.admit(userId);
    const session = await database.transaction(async (transaction) => {
      if (!(await secondFactor.use(transaction, userId, code))) throw invalidCode();
      if (!(await useTicket(transaction, tokenHash))) throw unusableTicket();
      return sessions.beginWithin(transaction, userId, { address, userAgent });
    });
    await secondFactor.forgetAttempts(userId);
    return session;
  }
}

const unusableTicket = () =>
  identityError('invalid_sign_in_ticket', 'The sign-in ticket is unknown, used or expired.', {
    param: 'ticket',
  });
