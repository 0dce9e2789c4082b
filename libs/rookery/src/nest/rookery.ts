import type { Directory } from '../core/directory.js';
import { RookeryError } from '../core/errors.js';
import type { ExplainCall, ServiceExplanation } from '../core/explain.js';
import type { Registration, RegistrationState } from '../core/registration.js';
import type { Registry } from '../core/registry.js';
import { checkRouteChange, type GroupRoute } from '../core/route.js';
import { Shown } from '../core/shown.js';
import type { ServiceView } from '../core/view.js';
import type { RookeryLifecycle } from './server/lifecycle.js';
import type { RookeryRuntime } from './runtime.js';
import type { ServiceRef } from './service-ref.js';

/** How an application stands with its registry. */
export interface RookeryHealth {
  /**
   * `degraded`: something is not as it should be (a registration that the registry does not hold, a server that should
   * be registered and is not, a stale view), yet calls are served by the last view. `down`: calls to a service cannot be served, for its view is pending or has failed.
   */
  readonly status: 'up' | 'degraded' | 'down';
  /** The registry's URL without secrets. */
  readonly registry: string;
  readonly registrations: readonly {
    readonly service: string;
    readonly id: string;
    readonly state: RegistrationState;
  }[];
  /**
   * The services that should be registered and are not: their server waits for `dependsOn` or `health.check`, or could
   * not start, when its url is named. What `Rookery.deregister()` took out is not meant to be registered.
   */
  readonly unregistered: readonly string[];
  readonly services: readonly {
    readonly service: string;
    readonly view: 'pending' | 'known' | 'stale' | 'failed';
    readonly instances: number;
  }[];
}

/** What an application can ask of, and tell, its own Rookery. Injectable wherever `RookeryModule.forRoot` is seen. */
export class Rookery extends Shown {
  readonly registry: Registry;
  readonly directory: Directory;

  readonly #lifecycle: RookeryLifecycle;

  constructor(runtime: RookeryRuntime, lifecycle: RookeryLifecycle) {
    super();
    this.registry = runtime.registry;
    this.directory = runtime.directory;
    this.#lifecycle = lifecycle;
  }

  toJSON(): RookeryHealth {
    return this.check();
  }

  /** The live claims of this application's servers. */
  get registrations(): readonly Registration[] {
    return this.#lifecycle.registrations;
  }

  /**
   * Registers every server that is not registered: one that does not listen yet, or whose application has not started,
   * once it does. Resolves when the registry has accepted the others.
   * @throws {RookeryError} ROOKERY_REGISTRATION_RELEASED where a server has stopped; what kept one from starting
   */
  register(): Promise<void> {
    return this.#lifecycle.registerAll();
  }

  /** Deregisters every server, also those that do not listen yet; they go on serving the calls that still come. */
  deregister(): Promise<void> {
    return this.#lifecycle.withdrawAll();
  }

  /** For health checks. Readiness should not depend on it: a registry that is away stops nobody from serving. */
  check(): RookeryHealth {
    const registrations = this.registrations.map(({ instance: { service, id }, state }) => ({ service, id, state }));
    const services = [...this.directory.services()].map((service) => ({
      service,
      ...outline(this.directory.view(service)),
    }));
    const { unregistered } = this.#lifecycle;
    const status = statusOf({ registrations, services, unregistered });
    return { status, registry: this.registry.name, registrations, unregistered, services };
  }

  /**
   * Sets the route of a service, for every client of it wherever it runs: which groups serve the calls that name none.
   * `undefined` takes it away. Resolves when the registry has it.
   * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID, ROOKERY_REGISTRY_READONLY,
   * ROOKERY_REGISTRY_REFUSED, ROOKERY_REGISTRY_UNREACHABLE (within seconds: it is not tried again)
   */
  async setRoute(service: string | ServiceRef, route: GroupRoute | undefined): Promise<void> {
    const name = nameOf(service);
    const checked = checkRouteChange(name, route);
    const { steer } = this.registry;
    if (!steer) throw takesNoRoutes(this.registry.name);
    await steer.setRoute(name, checked);
  }

  /**
   * How a service stands for a call of this application's clients, instance by instance, and why; `explanationText` of
   * `rookery/core` makes lines of it. Starts nothing, and asks nobody.
   * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID
   */
  explain(service: string | ServiceRef, call?: ExplainCall): ServiceExplanation {
    return this.directory.explain(nameOf(service), call);
  }

  /**
   * Resolves when the registry has accepted every server that registers by itself or by the word of `register()`, also
   * those that do not listen yet; rejects with the signal's reason when it aborts first.
   */
  registered(signal?: AbortSignal): Promise<void> {
    const all = this.#lifecycle.registered();
    return signal ? unlessAborted(all, signal) : all;
  }
}

function nameOf(service: string | ServiceRef): string {
  return typeof service === 'string' ? service : service?.name;
}

function takesNoRoutes(registry: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_READONLY', {
    path: 'registry',
    found: `${registry} takes no routes.`,
    remedy: 'Use memory:, local: or etcd://, or a registry of your own with `steer`.',
  });
}

function statusOf({
  registrations,
  services,
  unregistered,
}: Pick<RookeryHealth, 'registrations' | 'services' | 'unregistered'>): RookeryHealth['status'] {
  if (services.some(({ view }) => view === 'pending' || view === 'failed')) return 'down';
  const registered = unregistered.length === 0 && registrations.every(({ state }) => state === 'registered');
  return registered && services.every(({ view }) => view === 'known') ? 'up' : 'degraded';
}

function outline(view: ServiceView): Pick<RookeryHealth['services'][number], 'view' | 'instances'> {
  if (view.status !== 'known') return { view: view.status, instances: 0 };
  return { view: view.staleSince === undefined ? 'known' : 'stale', instances: view.instances.size };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the caller chose the reason
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
