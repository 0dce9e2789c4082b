import { PEER_VERSION, type ServiceInstance } from '../../core/instance.js';
import type { Registration } from '../../core/registration.js';
import type { Registry } from '../../core/registry.js';
import type { HelloResponse } from '../../grpc/peer.js';

/** The services of one listening server: what they are, and their registrations while they are published. */
export class HostedServices {
  #registrations: readonly Registration[] = [];
  draining = false;
  /** Clients may know of it: it was published once, though it may be withdrawn by now. */
  published = false;

  constructor(
    private readonly registry: Registry,
    private readonly instances: readonly ServiceInstance[],
  ) {}

  /** Of the services, whether they are published or not. */
  get names(): readonly string[] {
    return this.instances.map(({ service }) => service);
  }

  get registrations(): readonly Registration[] {
    return this.#registrations;
  }

  /**
   * Registers every service; does nothing while they are registered, or once the server drains.
   * @returns whether it did
   */
  publish(): boolean {
    if (this.draining || this.#registrations.length > 0) return false;
    const made: Registration[] = [];
    try {
      for (const instance of this.instances) made.push(this.registry.register(instance));
    } catch (error) {
      // All or none: what is left behind would be renewed for ever.
      for (const registration of made) void registration[Symbol.asyncDispose]();
      throw error;
    }
    this.#registrations = made;
    this.published = true;
    return true;
  }

  /** Resolves when the registry has accepted every service that is published. */
  async registered(): Promise<void> {
    await Promise.all(this.#registrations.map(({ registered }) => registered));
  }

  /** Deregisters every service. Resolves when the registry has it, or has had its time. */
  async withdraw(): Promise<void> {
    const registrations = this.#registrations;
    this.#registrations = [];
    await Promise.all(registrations.map((registration) => registration[Symbol.asyncDispose]()));
  }

  /** Who answers on this server, for `rookery.v1.Peer/Hello`. */
  hello(): HelloResponse {
    const current =
      this.#registrations.length > 0 ? this.#registrations.map(({ instance }) => instance) : this.instances;
    const services = current.map(({ service: name, group, id, generation }) => ({ name, group, id, generation }));
    return { version: PEER_VERSION, services, draining: this.draining };
  }
}
