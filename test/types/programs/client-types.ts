/** What the types of clients promise; compiled, never run. */
import type { AsyncClient, CallOptions, Messages } from 'rookery';
import { defineService, InjectService, rookeryGrpc } from 'rookery';
import type { Observable } from 'rxjs';
import type { UserServiceService } from '../generated/grpc-js/user.js';
import type {
  GetByIdReq,
  ImportRes,
  ListReq,
  Note,
  User,
  UserServiceClient,
  UserServiceController,
} from '../generated/nest/user.js';
import { Users, UsersFromProto } from './contracts.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(equal: Equal<A, B>): void;

interface Expected {
  readonly getById: (request: GetByIdReq, options?: CallOptions) => Promise<User>;
  readonly list: (request: ListReq, options?: CallOptions) => AsyncIterable<User>;
  readonly import: (request: Messages<User>, options?: CallOptions) => Promise<ImportRes>;
  readonly chat: (request: Messages<Note>, options?: CallOptions) => AsyncIterable<Note>;
}
/** The methods one by one, since an intersection or a mapped type is never the interface itself. */
type SameMethods<T> = { [K in keyof Expected]: K extends keyof T ? Equal<T[K], Expected[K]> : false };
type All<T> = { [K in keyof T]: true };

// A definition with literal stream flags, ts-proto's *Controller* interface, an interface of Promises and AsyncIterables.
export interface Users3 {
  getById(request: GetByIdReq): Promise<User>;
  list(request: ListReq): AsyncIterable<User>;
  import(request: AsyncIterable<User>): Promise<ImportRes>;
  chat(request: AsyncIterable<Note>): AsyncIterable<Note>;
}
export function promises(): void {
  same<SameMethods<AsyncClient<typeof UserServiceService>>, All<Expected>>(true);
  same<SameMethods<AsyncClient<UserServiceController>>, All<Expected>>(true);
  same<SameMethods<AsyncClient<Users3>>, All<Expected>>(true);
  same<keyof AsyncClient<typeof UserServiceService>, keyof Expected>(true);
  same<keyof AsyncClient<UserServiceController>, keyof Expected>(true);
}

// Observables alone do not say which methods answer once: the type says what to pass.
interface OnlyStreams {
  list(request: ListReq): Observable<User>;
}
export function observables(client: AsyncClient<UserServiceClient>, streams: AsyncClient<OnlyStreams>): void {
  const told: never =
    client['AsyncClient needs the *Controller* interface of ts-proto, a definition, or an interface of Promises'];
  same<AsyncClient<UserServiceClient>, AsyncClient<OnlyStreams>>(true);
  // @ts-expect-error -- the telling type has no methods
  client.getById({ id: 1 });
  void [told, streams];
}

export async function requests(
  fromDefinition: AsyncClient<typeof UserServiceService>,
  fromController: AsyncClient<UserServiceController>,
  fromPromises: AsyncClient<Users3>,
): Promise<void> {
  const user: User = await fromDefinition.getById({ id: 1 }, { group: 'canary', timeoutMs: 1 });
  const same: User = await fromController.getById(user);
  // @ts-expect-error -- a wrong field
  await fromDefinition.getById({ name: 'Ada' });
  // @ts-expect-error -- a wrong type
  await fromController.getById({ id: '1' });
  // @ts-expect-error -- no request
  await fromPromises.getById();
  // @ts-expect-error -- one message where a stream is taken
  await fromController.import(same);
  // @ts-expect-error -- no such option
  await fromController.getById({ id: 1 }, { grup: 'canary' });
  // @ts-expect-error -- no such method
  await fromPromises.remove({ id: 1 });
  // @ts-expect-error -- a stream is no promise
  await fromController.list({ limit: 1 }).then();
}

export class Injected {
  constructor(
    @InjectService(Users, 'UserService') readonly a: AsyncClient<UserServiceController>,
    @InjectService(UsersFromProto, 'UserService') readonly b: AsyncClient<UserServiceController>,
    // @ts-expect-error -- the contract has no such gRPC service
    @InjectService(Users, 'OrderService') readonly c: AsyncClient<UserServiceController>,
    // @ts-expect-error -- the same where the contract is a .proto file with an interface
    @InjectService(UsersFromProto, 'OrderService') readonly d: AsyncClient<UserServiceController>,
    // A mere name says nothing of its services.
    @InjectService('user-server', 'UserService') readonly e: AsyncClient<UserServiceController>,
  ) {}
}

rookeryGrpc({ inject: [], useFactory: () => ({ service: Users }) });
// @ts-expect-error -- Nest would take the promise for the options of a TCP server
rookeryGrpc({ inject: [], useFactory: async () => ({ service: Users }) });
// @ts-expect-error -- a name, or a reference
rookeryGrpc({ service: 7 });

// @ts-expect-error -- a contract is missing
defineService({ name: 'user-server' });
// @ts-expect-error -- not a definition
defineService({ name: 'user-server', services: { UserService: { getById: 1 } } });
