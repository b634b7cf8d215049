import type { FastifyInstance } from 'fastify';
import type { SecretBox } from '../../lib/secret-box.ts';
import { InvitationService } from './invitations/invitation-service.ts';
import { invitationRoutes } from './invitations/invitation-routes.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { PeopleDependencies } from './people-dependencies.ts';
import { type PeopleWorkers, peopleWorkers } from './retention/sweep-people.ts';
import { accountRoutes } from './sign-in/account-routes.ts';
import { AccountService } from './sign-in/account-service.ts';
import { AttemptThrottle } from './sign-in/attempt-throttle.ts';
import { CodeSignIn } from './sign-in/code-sign-in.ts';
import { OwnPassword } from './sign-in/own-password.ts';
import { PasswordSignIn } from './sign-in/password-sign-in.ts';
import { SecondFactor } from './sign-in/second-factor.ts';
import { type SecurityEvent, SessionService } from './sign-in/session-service.ts';
import { SignIn } from './sign-in/sign-in.ts';
import { SignInDirectory, type SignInDirectoryOptions } from './sign-in/sign-in-directory.ts';
import { signingKeyRoute, signInRoutes } from './sign-in/sign-in-routes.ts';
import { userRoutes } from './users/user-routes.ts';
import { UserService } from './users/user-service.ts';

export interface PeopleOptions extends PeopleDependencies, SignInDirectoryOptions {
  /** Undefined without a master key: nobody can sign in then. */
  readonly box: SecretBox | undefined;
  readonly onSecurityEvent: (event: SecurityEvent) => Promise<void>;
  /** Undefined: the address that a browser used. */
  readonly publicUrl: string | undefined;
}

/** Everything about people: how they come in, what they do with their account, and how others come to be. */
export interface People {
  readonly signIn: SignIn;
  readonly accounts: AccountService;
  readonly secondFactor: SecondFactor;
  readonly users: UserService;
  readonly invitations: InvitationService;
  /** Registered under `/api/v1`. */
  readonly routes: (app: FastifyInstance) => Promise<void>;
  /** Deletes every hour what is over; the queue has to be started with its queues first. */
  readonly workers: (queue: JobQueue) => PeopleWorkers;
}

/** Call `signIn.open()` before use. */
export function createPeople(options: PeopleOptions): People {
  const directory = new SignInDirectory(options);
  const onChange = async () => {
    await directory.refresh();
    await options.onChange?.();
  };
  const dependencies = { ...options, onChange };
  const throttle = new AttemptThrottle(options);
  const ownPassword = new OwnPassword(options, throttle);
  const sessions = new SessionService(options);
  const secondFactor = new SecondFactor({ ...dependencies, throttle, ownPassword });
  const signIn = new SignIn({
    ...options,
    directory,
    sessions,
    passwordStep: new PasswordSignIn({ ...options, throttle }),
    codeStep: new CodeSignIn({ ...options, throttle, secondFactor, sessions }),
  });
  const services = {
    signIn,
    secondFactor,
    accounts: new AccountService({ ...dependencies, ownPassword }),
    users: new UserService(dependencies),
    invitations: new InvitationService(dependencies),
  };
  const { publicUrl } = options;
  const routes = async (app: FastifyInstance) => {
    await signInRoutes(app, { signIn, publicUrl });
    signingKeyRoute(app, { signIn });
    accountRoutes(app, services);
    userRoutes(app, services);
    invitationRoutes(app, { ...services, publicUrl });
  };
  return { ...services, routes, workers: (queue) => peopleWorkers(queue, options) };
}
