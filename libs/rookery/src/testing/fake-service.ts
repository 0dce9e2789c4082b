import type { AsyncClient } from '../nest/client/async-client.types.js';
import { nameOf, type ServiceRef } from '../nest/service-ref.js';
import { getServiceToken } from '../nest/tokens.js';

/** A Nest provider that stands for an injected service. */
export interface FakeServiceProvider<T> {
  readonly provide: string;
  readonly useValue: T;
}

/**
 * What `@InjectService(client, grpcService)` injects, made of a literal with the methods that a test needs: no server,
 * no registry, no .proto file. A method that is not given throws when it is called.
 *
 * `providers: [Gateway, fakeService(Users, 'UserService', { getById: async () => ({ id: 1 }) })]`
 */
export function fakeService<S, N extends keyof S & string>(
  client: ServiceRef<S>,
  grpcService: N,
  implementation: Partial<AsyncClient<S[N]>>,
): FakeServiceProvider<AsyncClient<S[N]>>;
export function fakeService<T extends object = Record<string, any>>(
  client: string,
  grpcService: string,
  implementation: Partial<T>,
): FakeServiceProvider<T>;
export function fakeService(
  client: ServiceRef | string,
  grpcService: string,
  implementation: object,
): FakeServiceProvider<object> {
  const name = `${nameOf(client)}/${grpcService}`;
  const get = (target: object, key: string | symbol): unknown => {
    if (typeof key === 'symbol' || key in target || NO_METHODS.has(key)) return Reflect.get(target, key);
    const other = otherSpelling(key);
    return other in target ? Reflect.get(target, other) : missing(name, key);
  };
  return { provide: getServiceToken(client, grpcService), useValue: new Proxy(implementation, { get }) };
}

/** Nest, promises and test runners ask every object for these. */
const NO_METHODS = new Set([
  'then',
  'toJSON',
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
]);

/** `getById` and `GetById` are one method, as on a real client. */
function otherSpelling(key: string): string {
  const first = key.charAt(0);
  const upper = first.toUpperCase();
  return (first === upper ? first.toLowerCase() : upper) + key.slice(1);
}

function missing(service: string, method: string): () => never {
  return () => {
    throw new Error(
      `${service}.${method}() was called, but its fake has no such method. Give it one in the object that fakeService() takes.`,
    );
  };
}
