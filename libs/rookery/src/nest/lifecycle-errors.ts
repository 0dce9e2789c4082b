import { RookeryError } from '../core/errors.js';

export function nothingServed(url: string): RookeryError {
  return new RookeryError('ROOKERY_SERVER_EMPTY', {
    path: `rookeryGrpc at ${url}`,
    found: 'no controller that is decorated with @RegisterService has a handler in its contract.',
    remedy: "Decorate the controllers that it serves with @RegisterService(), or set register: 'never'.",
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
    path: 'requireRegistry',
    found: `${registry} has not taken the registration in ${ms} ms.`,
    remedy: 'Start the registry, raise registerTimeoutMs, or leave requireRegistry out to serve without it.',
  });
}

export function stopped(url: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRATION_RELEASED', {
    path: `rookeryGrpc at ${url}`,
    found: 'the server was stopped before the registry had accepted it.',
    remedy: 'Nothing, if it was meant to stop.',
  });
}
