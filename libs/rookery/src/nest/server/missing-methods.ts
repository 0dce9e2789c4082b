import { Logger } from '@nestjs/common';
import type { RookeryGrpcServer } from './rookery-grpc.server.js';

/**
 * Warns once of methods that a contract promises and no controller implements: their callers get UNIMPLEMENTED. A gRPC
 * service without any handler is left alone: one package may hold the services of several servers.
 */
export class MissingMethods {
  readonly #logger = new Logger('Rookery');
  readonly #told = new Set<string>();

  /** Once every server has found its handlers. */
  warn(servers: readonly RookeryGrpcServer[]): void {
    const missing = servers.flatMap((server) => missingAt(server, servers)).filter((method) => !this.#told.has(method));
    if (missing.length === 0) return;
    for (const method of missing) this.#told.add(method);
    this.#logger.warn(
      `ROOKERY_METHOD_UNIMPLEMENTED at ${[...new Set(missing)].join(', ')}: the contract has it, and no controller does, so callers get UNIMPLEMENTED. ` +
        'Write a handler with @GrpcMethod, @GrpcStreamMethod or @GrpcStreamCall, or take the method out of the contract.',
    );
  }
}

/** The methods of the gRPC services that a server serves in part, and that no server of the application serves. */
function missingAt(server: RookeryGrpcServer, servers: readonly RookeryGrpcServer[]): string[] {
  return [...server.definitions].flatMap(([service, definition]) => {
    const served = (rpc: string) => servers.some((one) => one.serves({ service, rpc }));
    const rpcs = Object.keys(definition);
    return rpcs.some(served) ? rpcs.filter((rpc) => !served(rpc)).map((rpc) => `${service}/${rpc}`) : [];
  });
}
