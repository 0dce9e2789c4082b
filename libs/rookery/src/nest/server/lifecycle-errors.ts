import { RookeryError } from '../../core/errors.js';
import { undecorated, type DecoratedController } from './controllers.js';
import type { RookeryGrpcServer } from './rookery-grpc.server.js';

const NEVER = "set register: 'never'.";

export function nothingServed(server: RookeryGrpcServer, controllers: readonly DecoratedController[]): RookeryError {
  const path = `rookeryGrpc(${server.settings.url})`;
  if (controllers.length === 0) {
    const bare = server.modules ? undecorated(server.modules) : [];
    const those = bare.length > 0 ? `, though ${bare.join(', ')} has gRPC handlers` : '';
    return new RookeryError('ROOKERY_SERVER_EMPTY', {
      path,
      found: `no controller of the application is decorated with @RegisterService${those}.`,
      remedy: `Decorate those that it serves, or ${NEVER}`,
    });
  }
  const handlers = controllers.flatMap(({ name, handlers: own }) =>
    own.map(({ service, rpc }) => `${name} has ${service}/${rpc}`),
  );
  return new RookeryError('ROOKERY_SERVER_EMPTY', {
    path,
    found: `no decorated controller has a handler of its contract: ${handlers.join(', ')}; the contract has ${server.methods.join(', ')}.`,
    remedy: `Correct the names in @GrpcMethod, or the contract of the server; or ${NEVER}`,
  });
}

export function readOnly(registry: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_READONLY', {
    path: 'registry',
    found: `${registry} takes no registrations.`,
    remedy: "Use another registry on servers, or set register: 'never'.",
  });
}

export function notInTime(registry: string, ms: number): RookeryError {
  return new RookeryError('ROOKERY_REGISTRATION_TIMEOUT', {
    path: 'rookeryGrpc.requireRegistry',
    found: `${registry} has not taken the registration in ${ms} ms.`,
    remedy: 'Start the registry, raise registerTimeoutMs, or leave requireRegistry out to serve without it.',
  });
}

/** @param problem what the user's check says; absent while it has said nothing */
export function notHealthyInTime(problem: string | undefined, ms: number): RookeryError {
  return new RookeryError('ROOKERY_REGISTRATION_TIMEOUT', {
    path: 'rookeryGrpc.requireRegistry',
    found: `health.check has not passed in ${ms} ms (${problem ?? 'no answer yet'}), and nothing is registered before.`,
    remedy: 'Mend what it looks at, raise registerTimeoutMs, or leave requireRegistry out to listen without it.',
  });
}

/** @param what has become of the server */
export function stopped(url: string, what: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRATION_RELEASED', {
    path: `rookeryGrpc(${url})`,
    found: `the server ${what}.`,
    remedy: 'Nothing, if it was meant to stop.',
  });
}
