import { createInstance, PEER_VERSION, type InstanceInit, type ServiceInstance } from '../../core/instance.js';
import type { Registration } from '../../core/registration.js';
import type { Registry } from '../../core/registry.js';
import { randomId } from '../../system/random.js';
import { Observer } from './observer.js';

/** What a registry brings to a conformance case; made anew for each. */
export interface ConformanceFixture {
  readonly registry: Registry;
  /** A second handle on the same data, as another process has it; default: the same one. */
  readonly other?: Registry;
  /** What a read-only registry holds. */
  readonly known?: { readonly service: string; readonly ids: readonly string[] };
  /** Texts that must not show in the registry's name. */
  readonly secrets?: readonly string[];
  /** Ends the registries and removes the data. */
  dispose(): Promise<void>;
}

export interface StagedCase {
  /** The behaviour, as a sentence. */
  readonly name: string;
  /** It makes sense for a registry that takes no registrations; default false. */
  readonly readOnly?: boolean;
  /** It needs watchers who see instances that have groups or drain; default false. */
  readonly showsAll?: boolean;
  readonly run: (stage: Stage) => Promise<void>;
}

/** One case with its fixture: a service of its own, and everything that it opened. */
export class Stage {
  readonly registry: Registry;
  readonly other: Registry;
  readonly service = `conformance-${randomId()}`;
  readonly #observers: Observer[] = [];
  #ports = 20_000;

  constructor(readonly fixture: ConformanceFixture) {
    this.registry = fixture.registry;
    this.other = fixture.other ?? fixture.registry;
  }

  instance(init: Partial<InstanceInit> = {}): ServiceInstance {
    return createInstance({
      id: randomId(),
      service: this.service,
      address: `127.0.0.1:${this.#ports++}`,
      generation: randomId(),
      peer: PEER_VERSION,
      ...init,
    });
  }

  async registered(init: Partial<InstanceInit> = {}): Promise<Registration> {
    const registration = this.registry.register(this.instance(init));
    await registration.registered;
    return registration;
  }

  /** Watches with the other handle, once the watch has said something. */
  async observe(service = this.service, registry = this.other): Promise<Observer> {
    const observer = new Observer(registry, service);
    this.#observers.push(observer);
    return observer.ready();
  }

  async end(): Promise<void> {
    await Promise.all(this.#observers.map((observer) => observer.stop()));
    await this.fixture.dispose();
  }
}
