import { RookeryError } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { INSTANCE_KEYS } from '../core/instance-keys.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import { checkName, createInstance, type InstanceOptions, type ServiceInstance } from '../core/instance.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities } from '../core/registry.js';
import { ChangeQueue, type ChangeBatch } from './change-queue.js';

/** One instance of a fixed list. */
export interface StaticEntry extends InstanceOptions {
  /** The name that clients dial. */
  readonly service: string;
  /** `host:port`, `[v6]:port` or `unix:path`. */
  readonly address: string;
  /** Unique within its service; default: made from the address. */
  readonly id?: string;
  /** The instance speaks TLS; default false. */
  readonly secure?: boolean;
  /** The version of our peer protocol that it speaks; default 0: foreign, and not verified. */
  readonly peer?: number;
}

const KEYS: KeysOf<StaticEntry> = {
  service: true,
  address: true,
  id: true,
  secure: true,
  peer: true,
  ...INSTANCE_KEYS,
};

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
    checkKeys(entry, KEYS, at);
    const service = checkName(entry.service, `${at}.service`);
    let instances = services.get(service);
    if (!instances) services.set(service, (instances = new Map()));
    const instance = createInstance({ ...entry, id: idOf(entry, instances, at) }, at);
    instances.set(instance.id, instance);
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

/** The id that was given, or else one made from the address, with a number where several entries share an address. */
function idOf({ id, address }: StaticEntry, taken: ReadonlyMap<string, unknown>, path: string): string {
  if (id !== undefined) {
    if (!taken.has(checkName(id, `${path}.id`))) return id;
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: `${path}.id`,
      found: `found "${id}" for the second time.`,
      remedy: 'Give every instance of a service its own id, or leave the ids out.',
    });
  }
  const safe = String(address)
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(-55)
    .replace(/^[^A-Za-z0-9]+/, '');
  let free = safe;
  for (let n = 2; taken.has(free); n += 1) free = `${safe}-${n}`;
  return free;
}
