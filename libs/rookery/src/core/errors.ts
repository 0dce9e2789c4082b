/**
 * Every code that Rookery reports, with its meaning in one sentence. `ROOKERY_<NOUN>_<FAULT>`.
 * docs/reference/errors.md lists exactly these; a test compares both ways.
 */
export const ERROR_CODES = {
  ROOKERY_REGISTRY_UNSET: 'No registry is configured in production.',
  ROOKERY_REGISTRY_URL_INVALID: 'A registry URL cannot be understood.',
  ROOKERY_REGISTRY_READONLY: 'The registry takes no registrations, or no routes.',
  ROOKERY_REGISTRY_CLOSED: 'The registry was used after it was closed.',
  ROOKERY_REGISTRY_INSECURE: 'The folder of the local registry belongs to, or is open to, somebody else.',
  ROOKERY_REGISTRY_UNREACHABLE: 'The registry does not answer; Rookery keeps trying.',
  ROOKERY_REGISTRY_UNTRUSTED: 'TLS with the registry fails: one side does not take the certificate of the other.',
  ROOKERY_REGISTRY_REFUSED: 'The registry answers and refuses us: a user, a password or a permission is wrong.',
  ROOKERY_ENTRY_MALFORMED: 'A value in the registry is not an instance; it is skipped alone.',
  ROOKERY_ENTRY_HIDDEN: 'An instance is registered in dialects whose clients must not see it, and in no other.',
  ROOKERY_SNAPSHOT_MALFORMED: 'A snapshot on disk cannot be read; it is ignored.',
  ROOKERY_SNAPSHOT_FOREIGN: 'A snapshot on disk is of another registry or service; it is ignored.',
  ROOKERY_SNAPSHOT_EXPIRED: 'A snapshot on disk is too old; it is ignored.',
  ROOKERY_SNAPSHOT_INSECURE: 'The folder of the snapshots belongs to, or is open to, somebody else.',
  ROOKERY_SNAPSHOT_UNWRITABLE: 'A snapshot cannot be written to disk.',
  ROOKERY_REGISTRATION_RELEASED: 'The registration was released before the registry accepted it.',
  ROOKERY_REGISTRATION_SUPERSEDED: 'Another process holds the key of this registration.',
  ROOKERY_REGISTRATION_TIMEOUT: 'The registry did not accept the registration in time.',
  ROOKERY_NAME_INVALID: 'A service name, group or id has a form that is not allowed.',
  ROOKERY_WEIGHT_INVALID: 'A weight is not a whole number from 0 to 10000.',
  ROOKERY_ADDRESS_INVALID: 'An address is not host:port, [v6]:port or unix:path.',
  ROOKERY_METADATA_INVALID: 'Metadata of an instance is not a record of strings, or is too large.',
  ROOKERY_OPTION_INVALID: 'An option or environment variable has a value that is not allowed.',
  ROOKERY_OPTIONS_ASYNC: 'The factory of rookeryGrpc() returned a promise.',
  ROOKERY_MODULE_MISSING: 'rookeryGrpc() found no RookeryModule.forRoot() in the application.',
  ROOKERY_MODULE_DUPLICATE: 'RookeryModule.forRoot() is imported more than once.',
  ROOKERY_SERVER_STOCK: 'Decorated controllers are served by a server that registers nothing.',
  ROOKERY_SERVER_EMPTY: 'rookeryGrpc() serves no controller that is decorated with @RegisterService.',
  ROOKERY_SERVER_UNBOUND: 'The gRPC server could not listen on its address.',
  ROOKERY_SERVER_IDLE:
    'A server was made but does not listen, or listens in an application that was never initialised.',
  ROOKERY_DEPENDENCY_ABSENT: 'A server waits for a service that has no instance, and is not registered before.',
  ROOKERY_REFLECTION_HIDDEN: 'Reflection cannot show a service whose contract has no descriptors.',
  ROOKERY_PACKAGE_MISSING: 'An option needs a package that is not installed.',
  ROOKERY_SHUTDOWN_UNHEARD: 'Nothing listens for SIGTERM, so a stop cannot deregister.',
  ROOKERY_CONTROLLER_EMPTY: '@RegisterService is on a class without a gRPC handler.',
  ROOKERY_CONTROLLER_UNSERVED: 'No server of the application serves a handler of a decorated controller.',
  ROOKERY_METHOD_UNIMPLEMENTED: 'No controller implements a method that the contract has.',
  ROOKERY_CONTROLLER_DUPLICATE: '@RegisterService is on one class twice.',
  ROOKERY_CONTROLLER_CONFLICT: 'Two controllers register one service with different options.',
  ROOKERY_SERVICE_UNNAMED: '@RegisterService() names no service, and neither does the server.',
  ROOKERY_CONTRACT_MISSING: 'A client or server has no contract: no definitions and no .proto file.',
  ROOKERY_CONTRACT_CONFLICT: 'One service name is used with two different contracts.',
  ROOKERY_CONTRACT_INVALID: 'A contract holds no gRPC service of the expected form.',
  ROOKERY_PROTO_UNREADABLE: 'A .proto file does not exist or cannot be parsed.',
  ROOKERY_CLIENT_DUPLICATE: 'Two clients have the same name.',
  ROOKERY_CLIENT_UNKNOWN: 'A gRPC service is asked of a client whose contract has none of that name.',
  ROOKERY_GRPC_DUPLICATE: 'Two copies of @grpc/grpc-js are loaded.',
  ROOKERY_ADVERTISE_UNKNOWN: 'No address is known under which other machines could reach this server.',
  ROOKERY_ADVERTISE_LOOPBACK: 'A loopback address would be registered where other machines read it.',
} as const;

export type RookeryErrorCode = keyof typeof ERROR_CODES;

export interface RookeryErrorDetails {
  /** Where: the option's path, the variable's name, the class, or the registry's key. */
  readonly path?: string;
  /** What was found, without secrets. */
  readonly found: string;
  /** What to do. */
  readonly remedy: string;
  readonly cause?: unknown;
}

/** A set-up error: `code` says which, the message says what was found, where, and what to do. */
export class RookeryError extends Error {
  override readonly name = 'RookeryError';
  readonly path: string | undefined;

  constructor(
    readonly code: RookeryErrorCode,
    { path, found, remedy, cause }: RookeryErrorDetails,
  ) {
    super(`${code}${path ? ` at ${path}` : ''}: ${found} ${remedy}`, cause === undefined ? undefined : { cause });
    this.path = path;
  }
}

/** How a value is shown in an error message: short, and on one line. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined)
    return String(value);
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** What was wrong at the root, and where, without the code: for the text of an error or event that it has caused. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof RookeryError)) return messageOf(error);
  return error.cause === undefined ? error.message.replace(/^\w+(?: at |: )/, '') : reasonOf(error.cause);
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
