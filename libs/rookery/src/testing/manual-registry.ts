import type { ServiceChange } from '../core/change.js';
import { RookeryError, show } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { checkName, createInstance, type InstanceInit, type ServiceInstance } from '../core/instance.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities, RegistrySteering } from '../core/registry.js';
import { checkRouteChange, type GroupRoute } from '../core/route.js';
import { ChangeQueue } from '../registries/change-queue.js';

/**
 * A registry whose every word a spec says: instances appear, leave and are lost, operators edit, the registry goes down
 * and comes back. It takes no registrations: `memory()` is the registry for servers in a spec. What is misspelt is
 * refused where it is said, with the code of the field.
 */
export interface ManualRegistry extends Registry {
  /** Puts an entry, or changes the one of this id; returns it. */
  set(service: string, instance: ManualInstance): ServiceInstance;
  /**
   * The instance deregistered by itself.
   * @throws {RookeryError} ROOKERY_OPTION_INVALID where there is none of this id
   */
  leave(service: string, id: string): void;
  /**
   * Its lease ran out, or the entry is gone without a word.
   * @throws {RookeryError} ROOKERY_OPTION_INVALID where there is none of an id; then none is lost
   */
  lose(service: string, ...ids: readonly string[]): void;
  /** Sets the route of the service, or takes it away. */
  route(service: string, route?: GroupRoute): void;
  /**
   * Resolves once everybody who watches goes by what was said so far: watches are asynchronous, so a call that is made
   * in the same breath as `set` or `route` may still go by what was known before. Those who wait to watch again, after
   * `up()`, are not waited for, and neither are connections to new instances.
   */
  settled(): Promise<void>;
  /** From here on the registry cannot be reached: watches end with an error, new ones too. */
  down(error?: Error): void;
  /** It can be reached again; whoever watches hears all that is true by now. */
  up(): void;
}

/** An entry; what is left out is as it was, else the default. The address defaults to `<id>:50051`. */
export type ManualInstance = Omit<Partial<InstanceInit>, 'service'> & { readonly id: string };

const INSTANCE_KEYS: KeysOf<ManualInstance> & { readonly service: true } = {
  id: true,
  // Of an instance that stands somewhere else; this registry's own counts.
  service: true,
  address: true,
  group: true,
  weight: true,
  status: true,
  generation: true,
  peer: true,
  secure: true,
  zone: true,
  version: true,
  metadata: true,
};

/** A new, empty one. */
export function manualRegistry(): ManualRegistry {
  return new RegistryByHand();
}

interface Told {
  /** Oldest first. */
  readonly instances: Map<string, ServiceInstance>;
  route: GroupRoute | undefined;
  readonly watchers: Set<Watcher>;
}

/** Who asks for the next batch has taken over the last one. */
interface Watcher {
  readonly queue: ChangeQueue;
  /** Batches told, and not taken over yet. */
  behind: number;
}

class RegistryByHand implements ManualRegistry {
  readonly name = 'manual:';
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities = {
    register: false,
    steer: true,
    routes: true,
    push: true,
    lease: false,
    weights: true,
    groups: true,
    propagationMs: 0,
    reach: 'process',
  };
  readonly steer: RegistrySteering = {
    setRoute: async (service, route) => {
      const checked = checkRouteChange(service, route);
      if (this.#fault) throw this.#fault;
      this.route(service, checked);
    },
  };
  readonly #services = new Map<string, Told>();
  #fault: Error | undefined;
  /** Look again whether everybody has settled. */
  readonly #waiting = new Set<() => void>();

  set(service: string, init: ManualInstance): ServiceInstance {
    checkManual(service, init);
    const before = this.#told(service).instances.get(init.id);
    const instance = createInstance({ ...(before ?? { address: `${init.id}:50051` }), ...init, service });
    this.#tell(service, { type: 'set', instance });
    return instance;
  }

  leave(service: string, id: string): void {
    this.#delete(service, [id], 'left');
  }

  lose(service: string, ...ids: readonly string[]): void {
    this.#delete(service, [...new Set(ids)], 'lost');
  }

  route(service: string, route?: GroupRoute): void {
    this.#tell(service, { type: 'route', route: checkRouteChange(service, route) });
  }

  async settled(): Promise<void> {
    const behind = () =>
      [...this.#services.values()].some((told) => [...told.watchers].some((each) => each.behind > 0));
    while (behind()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  down(error: Error = unreachable()): void {
    this.#fault = error;
    for (const { watchers } of this.#services.values()) for (const { queue } of watchers) queue.end(error);
  }

  up(): void {
    this.#fault = undefined;
  }

  register(): Registration {
    throw new RookeryError('ROOKERY_REGISTRY_READONLY', {
      path: 'registry',
      found: 'found a registry that a spec moves by hand, which takes no registrations.',
      remedy: 'Set register: "never", or use memory().',
    });
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<readonly ServiceChange[]> {
    checkName(service, 'service');
    if (this.#fault) throw this.#fault;
    const { instances, route, watchers } = this.#told(service);
    const queue = new ChangeQueue(signal);
    const watcher: Watcher = { queue, behind: 1 };
    queue.push([{ type: 'reset', instances: [...instances.values()], route }]);
    watchers.add(watcher);
    try {
      for await (const batch of queue) {
        yield batch;
        watcher.behind -= 1;
        this.#look();
      }
    } finally {
      queue.end();
      watchers.delete(watcher);
      this.#look();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { watchers } of this.#services.values()) for (const { queue } of watchers) queue.end();
  }

  #look(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #delete(service: string, ids: readonly string[], cause: 'left' | 'lost'): void {
    const { instances } = this.#told(service);
    for (const id of ids) if (!instances.has(id)) throw unknownInstance(service, id, instances);
    for (const id of ids) instances.delete(id);
    this.#tell(service, ...ids.map((id) => ({ type: 'delete', id, cause }) as const));
  }

  #tell(service: string, ...changes: readonly ServiceChange[]): void {
    const told = this.#told(service);
    for (const change of changes) {
      if (change.type === 'set') told.instances.set(change.instance.id, change.instance);
      else if (change.type === 'route') told.route = change.route;
    }
    if (changes.length === 0) return;
    for (const watcher of told.watchers) {
      watcher.behind += 1;
      watcher.queue.push(changes);
    }
  }

  #told(service: string): Told {
    let told = this.#services.get(checkName(service, 'service'));
    if (!told) this.#services.set(service, (told = { instances: new Map(), route: undefined, watchers: new Set() }));
    return told;
  }
}

/** @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID; the fields of an instance are checked later */
function checkManual(service: string, init: ManualInstance): void {
  checkName(service, 'service');
  if (typeof init !== 'object' || init === null) throw wrong('instance', init, "Use an object such as { id: 'a' }.");
  checkKeys(init, INSTANCE_KEYS, 'instance');
  const { id, status } = init;
  // Those of foreign entries have any form.
  if (typeof id !== 'string' || id === '') throw wrong('instance.id', id, 'Give it an id: a text.');
  if (status !== undefined && status !== 'up' && status !== 'draining')
    throw wrong('instance.status', status, 'Use "up" or "draining".');
}

function wrong(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}

function unknownInstance(service: string, id: string, known: ReadonlyMap<string, unknown>): RookeryError {
  const there = known.size > 0 ? [...known.keys()].map(show).join(', ') : 'nobody';
  return wrong('id', id, `In ${service} there is: ${there}.`);
}

function unreachable(): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_UNREACHABLE', {
    path: 'manual:',
    found: 'the spec took it down.',
    remedy: 'Call up().',
  });
}
