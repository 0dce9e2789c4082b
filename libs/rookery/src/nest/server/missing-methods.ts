import type { RookeryGrpcServer } from './rookery-grpc.server.js';

/**
 * The methods that a contract promises and no controller implements: their callers get UNIMPLEMENTED. A gRPC service without
 * any handler is left alone: one package may hold the services of several servers.
 * @param servers all of the application, once each has found its handlers
 */
export function missingMethods(servers: readonly RookeryGrpcServer[]): string[] {
  return [...new Set(servers.flatMap((server) => missingAt(server, servers)))];
}

function missingAt(server: RookeryGrpcServer, servers: readonly RookeryGrpcServer[]): string[] {
  return [...server.definitions].flatMap(([service, definition]) => {
    const served = (rpc: string) => servers.some((one) => one.serves({ service, rpc }));
    const rpcs = Object.keys(definition);
    return rpcs.some(served) ? rpcs.filter((rpc) => !served(rpc)).map((rpc) => `${service}/${rpc}`) : [];
  });
}
