import type { Server } from '@grpc/grpc-js';
import { HealthImplementation, service as HEALTH_SERVICE, type ServingStatus } from 'grpc-health-check';
import { HealthWatches } from './health-watches.js';

/** The name under which a server answers for itself as a whole (grpc.health.v1). */
const WHOLE = '';
/** What a server has whose user serves health already. */
export const HEALTH_CHECK = HEALTH_SERVICE['Check']!.path;

/**
 * `grpc.health.v1.Health` of one server. The empty name is for the process: it serves from its start to its stop. A
 * service's name, be it that of gRPC or of Rookery, says whether the service is in rotation: registered, or about to be,
 * and healthy.
 */
export class ServerHealth {
  readonly #statuses = new HealthImplementation({ [WHOLE]: 'NOT_SERVING' });
  readonly #watched = new HealthWatches();
  readonly #services = new Map<string, boolean>();
  #ended = false;

  /** @param services full names of its gRPC services */
  constructor(services: readonly string[]) {
    this.#watched.set(WHOLE, 'NOT_SERVING');
    this.addServices(services);
  }

  addServices(services: readonly string[]): void {
    for (const service of services) this.#set(service, this.#services.get(service) ?? false);
  }

  addTo(server: Server): void {
    this.#statuses.addToServer({
      addService: (definition, methods) => server.addService(definition, { ...methods, watch: this.#watched.watch }),
    });
  }

  /** Whether the process serves, and whether its services are in rotation. */
  update({ serving, inRotation }: { readonly serving: boolean; readonly inRotation: boolean }): void {
    if (this.#ended) return;
    this.#tell(WHOLE, serving ? 'SERVING' : 'NOT_SERVING');
    for (const [service, before] of this.#services) if (before !== inRotation) this.#set(service, inRotation);
  }

  /** Tells those who watch that it stops. */
  stop(): void {
    this.update({ serving: false, inRotation: false });
    this.#ended = true;
  }

  #set(service: string, serving: boolean): void {
    this.#services.set(service, serving);
    this.#tell(service, serving ? 'SERVING' : 'NOT_SERVING');
  }

  #tell(service: string, status: ServingStatus): void {
    this.#statuses.setStatus(service, status);
    this.#watched.set(service, status);
  }
}
