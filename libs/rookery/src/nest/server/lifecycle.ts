import { Logger } from '@nestjs/common';
import { createInstance, DEFAULT_WEIGHT, PEER_VERSION, UNGROUPED, type ServiceInstance } from '../../core/instance.js';
import { pause } from '../../core/time.js';
import { randomId } from '../../system/random.js';
import { systemTime } from '../../system/time.js';
import { findAdvertised, type Advertised } from './advertise.js';
import type { DecoratedController } from './controllers.js';
import type { RegisterMode } from '../environment.js';
import { HostedServices } from './hosted-services.js';
import { nothingServed, notInTime, readOnly, stopped } from './lifecycle-errors.js';
import { checkMs } from '../options.js';
import type { RookeryGrpcServer, ServerLife } from './rookery-grpc.server.js';
import type { RookeryRuntime } from '../runtime.js';
import { planServices, type PlannedService } from './service-plan.js';
import { nameOf } from '../service-ref.js';
import { stopServer } from './stop.js';

/** A server that listens this long, ms, in an application that never starts is probably a mistake. */
const IDLE_WARNING_MS = 10_000;

/** Whether a server that registers by itself has been published, or never will be. */
class Publication {
  readonly done: Promise<void>;
  error: unknown;
  #resolve!: () => void;

  constructor() {
    this.done = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Published where there is no error; an error after that counts, too. */
  end(error?: unknown): void {
    this.error = error;
    this.#resolve();
  }
}

/**
 * The life of an application's servers, in every mode of Nest the same: a server is published once it listens AND the
 * application has bootstrapped, and withdrawn before it takes no more calls.
 */
export class RookeryLifecycle implements ServerLife {
  readonly servers = new Set<RookeryGrpcServer>();
  readonly #logger = new Logger('Rookery');
  readonly #publications = new Map<RookeryGrpcServer, Publication>();
  #bootstrapped = false;

  constructor(
    private readonly runtime: RookeryRuntime,
    private readonly controllers: () => readonly DecoratedController[],
    /** Whether the application takes calls of any kind. */
    private readonly takesCalls: () => boolean,
  ) {}

  attach(server: RookeryGrpcServer): void {
    this.servers.add(server);
    if (this.#modeOf(server) === 'auto') this.#publications.set(server, new Publication());
  }

  failed(server: RookeryGrpcServer, error: unknown): void {
    server.hosted = undefined;
    this.#publications.get(server)?.end(error);
  }

  /** Resolves when the registry has accepted every server that registers by itself. */
  async registered(): Promise<void> {
    const waiting = [...this.#publications].map(async ([server, publication]) => {
      await publication.done;
      if (publication.error !== undefined) throw publication.error;
      await server.hosted!.registered();
    });
    await Promise.all(waiting);
  }

  /** Once every hook of the user has run; may be called again. */
  bootstrapped(): void {
    this.#bootstrapped = true;
    for (const server of this.servers) if (server.hosted && this.#modeOf(server) === 'auto') this.#publish(server);
    if (this.servers.size === 0) this.#warnOfStock();
    this.#expectListening();
    this.#warnOfUnserved();
  }

  async listening(server: RookeryGrpcServer): Promise<void> {
    try {
      await this.#start(server);
    } catch (error) {
      // A stop while it waits for its registration is no failure of the start.
      if (server.closing) return;
      this.failed(server, error);
      throw error;
    }
  }

  async #start(server: RookeryGrpcServer): Promise<void> {
    const mode = this.#modeOf(server);
    const { registry } = this.runtime;
    if (mode === 'never') {
      server.hosted = new HostedServices(registry, []);
      return this.#logger.log("not registered: register is 'never'");
    }
    const plan = this.#plan(server);
    const { environment } = this.runtime;
    const advertised = await findAdvertised({
      option: server.settings.advertise,
      environment: environment.advertise,
      podIp: environment.podIp,
      bound: server.bound!,
      registry,
    });
    if (server.closing) return;
    const instances = instancesOf(server, plan, advertised.address);
    server.hosted = new HostedServices(registry, instances);
    this.#warnOfUnserved();
    this.#logStart(instances, advertised);
    if (mode === 'manual') return;
    if (!this.#bootstrapped) return this.#expectBootstrap(server);
    this.#publish(server);
    await this.#registered(server, server.hosted);
  }

  async stop(server: RookeryGrpcServer): Promise<void> {
    const drainMs = server.settings.stop?.drainMs ?? (process.env['NODE_ENV'] === 'production' ? 20_000 : 10_000);
    this.#publications.get(server)?.end(stopped(server.settings.url));
    const names = server.hosted?.registrations.map(({ instance }) => instance.service) ?? [];
    await stopServer(server, { registry: this.runtime.registry, time: systemTime, drainMs });
    if (names.length > 0) this.#logger.log(`deregistered and stopped: ${names.join(', ')}`);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.servers].map((server) => server.close()));
  }

  /** Publishes what is not published, also where `register` is `'manual'`. */
  async registerAll(): Promise<void> {
    const listening = [...this.servers].filter((server) => server.hosted && this.#modeOf(server) !== 'never');
    for (const server of listening) this.#publish(server);
    await Promise.all(listening.map(({ hosted }) => hosted!.registered()));
  }

  async withdrawAll(): Promise<void> {
    await Promise.all([...this.servers].map(async (server) => server.hosted?.withdraw()));
  }

  /** What the server registers: the services of its decorated controllers. */
  #plan(server: RookeryGrpcServer): PlannedService[] {
    const { environment, registry } = this.runtime;
    const { settings } = server;
    const served = this.controllers().filter(({ handlers }) => handlers.some((handler) => server.serves(handler)));
    if (served.length === 0) throw nothingServed(server, this.controllers());
    if (!registry.capabilities.register) throw readOnly(registry.name);
    const service = settings.service === undefined ? undefined : nameOf(settings.service);
    return planServices(served, { service, option: settings.instance, environment: environment.instance });
  }

  #publish(server: RookeryGrpcServer): void {
    if (server.hosted!.registrations.length > 0) return;
    server.hosted!.publish();
    this.#publications.get(server)?.end();
    if (process.listenerCount('SIGTERM') === 0) {
      this.#logger.warn(
        'ROOKERY_SHUTDOWN_UNHEARD: nothing listens for SIGTERM, so a stop cannot deregister. Call app.enableShutdownHooks().',
      );
    }
  }

  /** Waits for the registry a while; a server serves without it, unless it must not. */
  async #registered({ settings }: RookeryGrpcServer, hosted: HostedServices): Promise<void> {
    const { requireRegistry = false, registerWaitMs = 3000, registerTimeoutMs = 30_000 } = settings;
    const [ms, option] = requireRegistry
      ? [registerTimeoutMs, 'registerTimeoutMs']
      : [registerWaitMs, 'registerWaitMs'];
    const limit = new AbortController();
    const all = hosted.registered().then(() => true);
    const done = await Promise.race([all, pause(systemTime, checkMs(ms, option), limit.signal).then(() => false)]);
    limit.abort();
    if (done) return;
    all.catch(() => undefined);
    if (requireRegistry) {
      await hosted.withdraw();
      throw notInTime(this.runtime.registry.name, registerTimeoutMs);
    }
  }

  #modeOf({ settings }: RookeryGrpcServer): RegisterMode {
    return settings.register ?? this.runtime.options.register ?? this.runtime.environment.register ?? 'auto';
  }

  #logStart(instances: readonly ServiceInstance[], { address, why }: Advertised): void {
    const { name, capabilities } = this.runtime.registry;
    for (const { service, weight, group } of instances) {
      const reached = group === UNGROUPED ? 'ungrouped' : `group '${group}', reached only by calls that name it`;
      const share = weight === DEFAULT_WEIGHT ? '' : `, weight ${weight}`;
      this.#logger.log(
        `${service} at ${address} (${why}), ${reached}${share}; registry ${name}, seen by this ${capabilities.reach}`,
      );
    }
  }

  #expectBootstrap(server: RookeryGrpcServer): void {
    systemTime.after(IDLE_WARNING_MS, () => {
      if (this.#bootstrapped || server.closing) return;
      this.#logger.warn(
        'ROOKERY_SERVER_IDLE: a gRPC server listens, but nothing is registered before app.init() or app.listen() is called.',
      );
    });
  }

  #warnOfStock(): void {
    const controllers = this.controllers();
    // Nothing that only uses the providers of an application, as a script or a test does, is expected to serve.
    if (controllers.length === 0 || !this.takesCalls()) return;
    this.#logger.warn(
      `ROOKERY_SERVER_STOCK at ${namesOf(controllers)}: @RegisterService, but no server of rookeryGrpc(), so nothing is registered. ` +
        'Pass rookeryGrpc({ … }) to createMicroservice() or connectMicroservice() instead of { transport: Transport.GRPC }.',
    );
  }

  /** Once every server has found its handlers and the application has started, what no server has is lost. */
  #warnOfUnserved(): void {
    const servers = [...this.servers];
    if (!this.#bootstrapped || servers.length === 0 || !servers.every(({ hosted }) => hosted)) return;
    const unserved = this.controllers().flatMap(({ name, handlers }) =>
      handlers
        .filter((handler) => !servers.some((server) => server.serves(handler)))
        .map(({ service, rpc }) => `${name} (${service}/${rpc})`),
    );
    if (unserved.length === 0) return;
    this.#logger.warn(
      `ROOKERY_CONTROLLER_UNSERVED at ${unserved.join(', ')}: no server of rookeryGrpc() has the method in its contract, so calls of it fail. ` +
        'Correct the name, add the contract to a server (`service` or `package`), or pass it to @RegisterService().',
    );
  }

  /** As in a hybrid application that forgot to start its servers. */
  #expectListening(): void {
    systemTime.after(IDLE_WARNING_MS, () => {
      const idle = [...this.servers].filter(({ hosted, closing }) => !hosted && !closing);
      for (const { settings } of idle) {
        this.#logger.warn(
          `ROOKERY_SERVER_IDLE at ${settings.url}: rookeryGrpc() made a server that does not listen. Call app.startAllMicroservices(), or app.listen() of a microservice.`,
        );
      }
    });
  }
}

function instancesOf(
  { settings }: RookeryGrpcServer,
  plan: readonly PlannedService[],
  address: string,
): ServiceInstance[] {
  const [id, generation] = [randomId(), randomId()];
  const secure = settings.credentials !== undefined && isSecure(settings.credentials);
  return plan.map(({ name, options }) =>
    createInstance({ ...options, id, generation, service: name, address, peer: PEER_VERSION, secure }),
  );
}

function namesOf(controllers: readonly DecoratedController[]): string {
  return controllers.map(({ name }) => name).join(', ');
}

function isSecure(credentials: unknown): boolean {
  return (credentials as { _isSecure?(): boolean })._isSecure?.() ?? true;
}
