import { EventHub } from '../core/event.js';
import { checkName, type ServiceInstance } from '../core/instance.js';
import type { InstanceChange, Registration, RegistrationState } from '../core/registration.js';
import type { Registry, RegistryCapabilities, RegistrySteering } from '../core/registry.js';
import { checkRouteChange } from '../core/route.js';
import { shared } from '../system/shared.js';
import { amendInstance } from './amend-instance.js';
import { ChangeQueue, type ChangeBatch } from './change-queue.js';
import { MemoryStore, type Claimant } from './memory-store.js';
import { ShownRegistration } from './shown-registration.js';

/**
 * A registry inside this process, for tests and for trying things out: every call makes a new, empty one. Disposing it
 * ends its registrations and watches; it can be used again after that.
 */
export function memory(): Registry {
  return new MemoryRegistry(new MemoryStore());
}

/**
 * A handle on the registry that the process has once (per namespace), as the URL `memory:` means it. Disposing the
 * handle ends only what was registered and watched through it.
 */
export function processMemory(namespace?: string): Registry {
  const key = namespace === undefined ? 'memory' : `memory/${namespace}`;
  return new MemoryRegistry(shared(key, () => new MemoryStore()));
}

class MemoryRegistry implements Registry {
  readonly name = 'memory:';
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities = {
    register: true,
    steer: false,
    routes: true,
    push: true,
    lease: true,
    weights: true,
    groups: true,
    propagationMs: 0,
    reach: 'process',
  };
  readonly steer: RegistrySteering = {
    setRoute: async (service, route) => this.store.setRoute(service, checkRouteChange(service, route)),
  };
  readonly #registrations = new Set<MemoryRegistration>();
  readonly #watches = new Set<ChangeQueue>();

  constructor(private readonly store: MemoryStore) {}

  register(instance: ServiceInstance): Registration {
    checkName(instance.service, 'instance.service');
    checkName(instance.id, 'instance.id');
    const registration: MemoryRegistration = new MemoryRegistration(instance, this.store, this.events, () =>
      this.#registrations.delete(registration),
    );
    this.#registrations.add(registration);
    registration.start();
    return registration;
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ChangeBatch> {
    checkName(service, 'service');
    const queue = new ChangeQueue(signal);
    const watch = this.store.watch(service, queue);
    this.#watches.add(queue);
    try {
      yield* queue;
    } finally {
      queue.end();
      this.#watches.delete(queue);
      watch[Symbol.dispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#watches) queue.end();
    await Promise.all([...this.#registrations].map((registration) => registration[Symbol.asyncDispose]()));
  }
}

class MemoryRegistration extends ShownRegistration implements Registration, Claimant {
  state: RegistrationState = 'registering';
  readonly registered = Promise.resolve();

  constructor(
    public instance: ServiceInstance,
    private readonly store: MemoryStore,
    private readonly events: EventHub,
    private readonly onRelease: () => void,
  ) {
    super();
  }

  start(): void {
    this.store.claim(this);
    this.#become('registered');
  }

  async update(change: InstanceChange): Promise<void> {
    if (this.state === 'released') return;
    this.instance = amendInstance(this.instance, change);
    this.store.write(this);
  }

  supersede(): void {
    this.#become('superseded');
  }

  regain(): void {
    this.#become('registered');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state === 'released') return;
    this.instance = amendInstance(this.instance, { status: 'draining' });
    this.store.write(this);
    this.store.release(this);
    this.onRelease();
    this.#become('released');
  }

  #become(state: RegistrationState): void {
    this.state = state;
    const { service, id } = this.instance;
    this.events.emit({ type: 'registration.changed', service, id, state });
  }
}
