import { RookeryError } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { checkName, type ServiceInstance } from '../core/instance.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities } from '../core/registry.js';
import { ChangeQueue, type ChangeBatch } from './change-queue.js';
import { readStaticEntry, type StaticEntry } from './static-entry.js';

/**
 * A fixed list of instances, for fleets that something else keeps stable: it takes no registrations.
 * (`static` itself is a reserved word.)
 * @param path where the list stands, for errors
 * @throws {RookeryError} the code of the first field that is wrong, with its path, such as `registry[3].weight`
 */
export function staticRegistry(entries: readonly StaticEntry[], path = 'registry'): Registry {
  const services = new Map<string, Map<string, ServiceInstance>>();
  for (const [i, entry] of entries.entries()) {
    const at = `${path}[${i}]`;
    const instance = readStaticEntry(entry, services.get(entry.service) ?? new Map(), at);
    const instances = services.get(instance.service) ?? new Map<string, ServiceInstance>();
    services.set(instance.service, instances.set(instance.id, instance));
  }
  return new StaticRegistry(services);
}

class StaticRegistry implements Registry {
  readonly name: string;
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities = {
    register: false,
    steer: false,
    routes: false,
    push: true,
    lease: false,
    weights: true,
    groups: true,
    propagationMs: 0,
    reach: 'network',
  };
  readonly #watches = new Set<ChangeQueue>();

  constructor(private readonly services: ReadonlyMap<string, ReadonlyMap<string, ServiceInstance>>) {
    const name = `static:${[...services].map(([service, instances]) => `${service}=${addresses(instances)}`).join(';')}`;
    this.name = name.length > 120 ? `${name.slice(0, 119)}…` : name;
  }

  register(): Registration {
    throw new RookeryError('ROOKERY_REGISTRY_READONLY', {
      path: 'registry',
      found: 'found a static list, which takes no registrations.',
      remedy: 'Set register: "never" (ROOKERY_REGISTER=never), or use a registry such as etcd().',
    });
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ChangeBatch> {
    checkName(service, 'service');
    const queue = new ChangeQueue(signal);
    this.#watches.add(queue);
    queue.push([{ type: 'reset', instances: [...(this.services.get(service)?.values() ?? [])] }]);
    try {
      yield* queue;
    } finally {
      queue.end();
      this.#watches.delete(queue);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#watches) queue.end();
  }
}

function addresses(instances: ReadonlyMap<string, ServiceInstance>): string {
  return [...instances.values()].map(({ address }) => address).join(',');
}
