import { RookeryError, show } from '../core/errors.js';
import type { ServiceInstance } from '../core/instance.js';

/** The option `healthCheck` of a client; what it means stands there. */
export type HealthCheckOption = boolean | string;

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function checkHealthCheck(option: unknown, path: string): HealthCheckOption {
  if (typeof option === 'boolean' || typeof option === 'string') return option;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `found ${show(option)}.`,
    remedy: "Use true, or the name that the servers' health service knows; '' is a server as a whole.",
  });
}

/** The name to watch at an instance; undefined where nothing is to be watched. */
export function watchedName(option: HealthCheckOption | undefined, instance: ServiceInstance): string | undefined {
  if (option === undefined || option === false) return undefined;
  if (option === true) return instance.peer > 0 ? instance.service : '';
  return option;
}
