import { RookeryError } from '../../core/errors.js';
import type { InstanceOptions } from '../../core/instance.js';
import type { DecoratedController } from './controllers.js';

/** A service that a server will register, and what is said of its instance. */
export interface PlannedService {
  readonly name: string;
  readonly options: InstanceOptions;
}

export interface PlanOptions {
  /** The server's own service, for controllers that name none. */
  readonly service?: string | undefined;
  /** From the options of the server. */
  readonly option?: InstanceOptions | undefined;
  readonly environment: InstanceOptions;
}

/**
 * What a server registers for its controllers: option before environment before decorator.
 * @throws {RookeryError} ROOKERY_SERVICE_UNNAMED, ROOKERY_CONTROLLER_CONFLICT
 */
export function planServices(
  controllers: readonly DecoratedController[],
  { service, option = {}, environment }: PlanOptions,
): PlannedService[] {
  const byName = new Map<string, DecoratedController>();
  for (const controller of controllers) {
    const name = controller.registration.name ?? service;
    if (name === undefined) throw unnamed(controller);
    const other = byName.get(name);
    if (other && !sameOptions(other.registration.instance, controller.registration.instance))
      throw conflict(name, other, controller);
    byName.set(name, other ?? controller);
  }
  return [...byName].map(([name, { registration }]) => ({
    name,
    options: merge(registration.instance, environment, option),
  }));
}

function merge(...options: readonly InstanceOptions[]): InstanceOptions {
  const metadata = Object.assign({}, ...options.map((option) => option.metadata)) as Record<string, string>;
  return Object.assign({}, ...options, { metadata }) as InstanceOptions;
}

function sameOptions(a: InstanceOptions, b: InstanceOptions): boolean {
  const sorted = (options: InstanceOptions) =>
    JSON.stringify(Object.entries(options).toSorted(([x], [y]) => x.localeCompare(y)));
  return sorted(a) === sorted(b);
}

function unnamed({ name }: DecoratedController): RookeryError {
  return new RookeryError('ROOKERY_SERVICE_UNNAMED', {
    path: `@RegisterService on ${name}`,
    found: 'neither the decorator nor its server names a service.',
    remedy: "Write @RegisterService('user-server'), or give rookeryGrpc() the option `service`.",
  });
}

function conflict(service: string, a: DecoratedController, b: DecoratedController): RookeryError {
  const shown = ({ name, registration }: DecoratedController) => `${name} ${JSON.stringify(registration.instance)}`;
  return new RookeryError('ROOKERY_CONTROLLER_CONFLICT', {
    path: `@RegisterService on ${b.name}`,
    found: `${JSON.stringify(service)} is registered by ${shown(a)} and ${shown(b)}.`,
    remedy:
      'One server is one instance of a service: say the same in both, or say it once in the option `instance` of rookeryGrpc().',
  });
}
