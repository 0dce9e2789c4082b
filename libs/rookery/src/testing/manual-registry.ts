import type { ServiceChange } from '../core/change.js';
import { RookeryError } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { checkName, createInstance, type InstanceInit, type ServiceInstance } from '../core/instance.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities, RegistrySteering } from '../core/registry.js';
import { checkRouteChange, type GroupRoute } from '../core/route.js';
import { ChangeQueue } from '../registries/change-queue.js';

/**
 * A registry whose every word a spec says: instances appear, leave and are lost, operators edit, the registry goes down
 * and comes back. It takes no registrations: `memory()` is the registry for servers in a spec.
 */
export interface ManualRegistry extends Registry {
  /** Puts an entry, or changes the one of this id; returns it. */
  set(service: string, instance: ManualInstance): ServiceInstance;
  /** The instance deregistered by itself. */
  leave(service: string, id: string): void;
  /** Its lease ran out, or the entry is gone without a word. */
  lose(service: string, ...ids: readonly string[]): void;
  /** Sets the route of the service, or takes it away. */
  route(service: string, route?: GroupRoute): void;
  /** From here on the registry cannot be reached: watches end with an error, new ones too. */
  down(error?: Error): void;
  /** It can be reached again; whoever watches hears all that is true by now. */
  up(): void;
}

/** An entry; what is left out is as it was, else the default. The address defaults to `<id>:50051`. */
export type ManualInstance = Omit<Partial<InstanceInit>, 'service'> & { readonly id: string };

/** A new, empty one. */
export function manualRegistry(): ManualRegistry {
  return new RegistryByHand();
}

interface Told {
  /** Oldest first. */
  readonly instances: Map<string, ServiceInstance>;
  route: GroupRoute | undefined;
  readonly watchers: Set<ChangeQueue>;
}

class RegistryByHand implements ManualRegistry {
  readonly name = 'manual:';
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities = {
    register: false,
    steer: true,
    routes: true,
    push: true,
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

  set(service: string, init: ManualInstance): ServiceInstance {
    const before = this.#told(service).instances.get(init.id);
    const instance = createInstance({ ...(before ?? { address: `${init.id}:50051` }), ...init, service });
    this.#tell(service, { type: 'set', instance });
    return instance;
  }

  leave(service: string, id: string): void {
    this.#delete(service, id, 'left');
  }

  lose(service: string, ...ids: readonly string[]): void {
    const { instances } = this.#told(service);
    const known = ids.filter((id) => instances.delete(id));
    this.#tell(service, ...known.map((id) => ({ type: 'delete', id, cause: 'lost' }) as const));
  }

  route(service: string, route?: GroupRoute): void {
    this.#tell(service, { type: 'route', route });
  }

  down(error: Error = unreachable()): void {
    this.#fault = error;
    for (const { watchers } of this.#services.values()) for (const watcher of watchers) watcher.end(error);
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
    queue.push([{ type: 'reset', instances: [...instances.values()], route }]);
    watchers.add(queue);
    try {
      yield* queue;
    } finally {
      queue.end();
      watchers.delete(queue);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { watchers } of this.#services.values()) for (const watcher of watchers) watcher.end();
  }

  #delete(service: string, id: string, cause: 'left' | 'lost'): void {
    if (this.#told(service).instances.delete(id)) this.#tell(service, { type: 'delete', id, cause });
  }

  #tell(service: string, ...changes: readonly ServiceChange[]): void {
    const told = this.#told(service);
    for (const change of changes) {
      if (change.type === 'set') told.instances.set(change.instance.id, change.instance);
      else if (change.type === 'route') told.route = change.route;
    }
    for (const watcher of told.watchers) watcher.push(changes);
  }

  #told(service: string): Told {
    let told = this.#services.get(service);
    if (!told) this.#services.set(service, (told = { instances: new Map(), route: undefined, watchers: new Set() }));
    return told;
  }
}

function unreachable(): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_UNREACHABLE', {
    path: 'manual:',
    found: 'the spec took it down.',
    remedy: 'Call up().',
  });
}
