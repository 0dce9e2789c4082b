import 'reflect-metadata';
import { RookeryError, show } from '../../core/errors.js';
import { checkInstanceOptions, checkName, type InstanceOptions } from '../../core/instance.js';
import { checkKeys } from '../../core/keys.js';
import { INSTANCE_KEYS } from '../option-keys.js';
import { isServiceRef, type ServiceRef } from '../service-ref.js';

/** What `@RegisterService` leaves on a class. */
export interface ServiceRegistration {
  /** Absent: the service of the server that hosts the controller. */
  readonly name?: string;
  readonly ref?: ServiceRef;
  readonly instance: InstanceOptions;
}

const REGISTRATION = 'rookery:registration';

/**
 * Registers the gRPC handlers of a controller under a service name, once the server listens and the application has
 * started. Read from the class itself: a subclass does not inherit it.
 *
 * `@RegisterService()` registers the service of the hosting server, `@RegisterService(Users, { weight: 50 })` another.
 * @throws {RookeryError} ROOKERY_CONTROLLER_DUPLICATE, ROOKERY_NAME_INVALID, and the code of the first option that is wrong
 */
export function RegisterService(): ClassDecorator;
export function RegisterService(service: ServiceRef | string, instance?: InstanceOptions): ClassDecorator;
export function RegisterService(options: { readonly name?: string } & InstanceOptions): ClassDecorator;
export function RegisterService(
  service?: ServiceRef | string | ({ readonly name?: string } & InstanceOptions),
  instance: InstanceOptions = {},
): ClassDecorator {
  return (target) => {
    const path = `@RegisterService on ${target.name}`;
    if (registrationOf(target)) {
      throw new RookeryError('ROOKERY_CONTROLLER_DUPLICATE', {
        path,
        found: 'the class is decorated twice.',
        remedy: 'Keep one; a controller registers one service.',
      });
    }
    Reflect.defineMetadata(REGISTRATION, parse(service, instance, path), target);
  };
}

export function registrationOf(target: object): ServiceRegistration | undefined {
  return Reflect.getOwnMetadata(REGISTRATION, target) as ServiceRegistration | undefined;
}

function parse(
  service: ServiceRef | string | ({ readonly name?: string } & InstanceOptions) | undefined,
  instance: InstanceOptions,
  path: string,
): ServiceRegistration {
  checkKeys(instance, INSTANCE_KEYS, path);
  if (service === undefined) return { instance: checkInstanceOptions(instance, path) };
  if (typeof service === 'string')
    return { name: checkName(service, `${path}, name`), instance: checkInstanceOptions(instance, path) };
  if (typeof service !== 'object' || service === null) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path,
      found: `found ${show(service)}.`,
      remedy: 'Pass a name, what defineService() returned, or { name?, weight?, group?, … }; or nothing.',
    });
  }
  if (isServiceRef(service))
    return { name: service.name, ref: service, instance: checkInstanceOptions(instance, path) };
  const { name, ...options } = service;
  checkKeys(options, INSTANCE_KEYS, path);
  return {
    ...(name !== undefined && { name: checkName(name, `${path}.name`) }),
    instance: checkInstanceOptions(options, path),
  };
}
