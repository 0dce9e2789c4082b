import { RookeryError } from '../../core/errors.js';
import { nameOf, type ServiceRef } from '../service-ref.js';

/**
 * A server that waits for a service of its own would wait for itself.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function refuseOwn(dependsOn: readonly (ServiceRef | string)[], own: readonly string[]): void {
  const index = dependsOn.findIndex((service) => own.includes(nameOf(service)));
  if (index < 0) return;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: `rookeryGrpc.dependsOn[${index}]`,
    found: `found ${JSON.stringify(nameOf(dependsOn[index]!))}, which this server itself registers.`,
    remedy: 'Take it out: the server would wait for itself, and never be registered.',
  });
}
