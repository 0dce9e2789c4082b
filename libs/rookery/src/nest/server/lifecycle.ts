import { Logger } from '@nestjs/common';
import { createInstance, DEFAULT_WEIGHT, PEER_VERSION, UNGROUPED, type ServiceInstance } from '../../core/instance.js';
import { messageOf } from '../../core/errors.js';
import { pause } from '../../core/time.js';
import { randomId } from '../../system/random.js';
import { systemTime } from '../../system/time.js';
import { findAdvertised, type Advertised } from './advertise.js';
import type { DecoratedController } from './controllers.js';
import type { RegisterMode } from '../environment.js';
import { HostedServices } from './hosted-services.js';
import { ForcedStop } from './forced-stop.js';
import { nothingServed, notInTime, readOnly, stopped } from './lifecycle-errors.js';
import { checkMs } from '../options.js';
import type { RookeryGrpcServer, ServerLife } from './rookery-grpc.server.js';
import type { RookeryRuntime } from '../runtime.js';
import { planServices, type PlannedService } from './service-plan.js';
import { nameOf } from '../service-ref.js';
import { Publication } from './publication.js';
import { Rotation } from './rotation.js';
import { stopServer } from './stop.js';
import { Wiring } from './wiring.js';

/** For streams of a stop outside production, ms: who restarts by hand waits for it. */
const DEVELOPMENT_STREAM_MS = 500;
/** Between two questions whether the server is healthy, ms. */
const HEALTH_INTERVAL_MS = 5000;

/**
 * The life of an application's servers, in every mode of Nest the same: a server is published once it listens AND the
 * application has bootstrapped, and withdrawn before it takes no more calls.
 */
export class RookeryLifecycle implements ServerLife {
  readonly servers = new Set<RookeryGrpcServer>();
  readonly #logger = new Logger('Rookery');
  readonly #publications = new Map<RookeryGrpcServer, Publication>();
  readonly #wiring: Wiring;
  #forced: ForcedStop | undefined;
  #bootstrapped = false;
  #stopping = false;

  constructor(
    private readonly runtime: RookeryRuntime,
    private readonly controllers: () => readonly DecoratedController[],
    /** Whether the application takes calls of any kind. */
    private readonly takesCalls: () => boolean,
  ) {
    this.#wiring = new Wiring(controllers, this.servers, systemTime);
  }

  attach(server: RookeryGrpcServer): void {
    this.servers.add(server);
    if (this.#modeOf(server) === 'auto') this.#publications.set(server, new Publication());
  }

  failed(server: RookeryGrpcServer, error: unknown): void {
    server.rotation?.end();
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
    for (const { rotation } of this.servers) rotation?.start();
    // Nothing that only uses the providers of an application, as a script or a test does, is expected to serve.
    if (this.servers.size === 0 && this.takesCalls()) this.#wiring.warnOfStock();
    this.#wiring.expectListening();
    this.#wiring.warnOfUnserved();
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
    const hosted = new HostedServices(this.runtime.registry, mode === 'never' ? [] : await this.#instances(server));
    if (server.closing) return;
    this.#forced ??= new ForcedStop(() => this.#stopping, systemTime);
    server.hosted = hosted;
    server.rotation = this.#rotation(server, hosted, mode);
    if (this.#bootstrapped) {
      this.#wiring.warnOfUnserved();
      server.rotation.start();
    } else this.#wiring.expectBootstrap(server, () => this.#bootstrapped);
    if (mode === 'never') this.#logger.log("not registered: register is 'never'");
    else if (mode === 'auto' && this.#bootstrapped && !server.settings.dependsOn?.length)
      await this.#registered(server, hosted);
  }

  /** What the server registers, where clients find it. */
  async #instances(server: RookeryGrpcServer): Promise<ServiceInstance[]> {
    const plan = this.#plan(server);
    const { environment, registry } = this.runtime;
    const advertised = await findAdvertised({
      option: server.settings.advertise,
      environment: environment.advertise,
      podIp: environment.podIp,
      bound: server.bound!,
      registry,
    });
    const instances = instancesOf(server, plan, advertised.address);
    server.health?.addServices(instances.map(({ service }) => service));
    if (!server.closing) this.#logStart(instances, advertised);
    return instances;
  }

  #rotation(server: RookeryGrpcServer, hosted: HostedServices, mode: RegisterMode): Rotation {
    const { health, dependsOn = [] } = server.settings;
    const { check, intervalMs = HEALTH_INTERVAL_MS } = typeof health === 'object' ? health : {};
    return new Rotation({
      label: hosted.names.join(', ') || server.settings.url,
      mode,
      hosted,
      health: server.health,
      dependsOn: dependsOn.map(nameOf),
      check,
      checkIntervalMs: intervalMs,
      directory: this.runtime.directory,
      time: systemTime,
      onPublished: () => {
        this.#publications.get(server)?.end();
        this.#wiring.expectSignals();
      },
      onFailed: (error) => {
        this.#logger.error(messageOf(error));
        this.#publications.get(server)?.end(error);
      },
    });
  }

  async stop(server: RookeryGrpcServer): Promise<void> {
    this.#stopping = true;
    const production = process.env['NODE_ENV'] === 'production';
    const { drainMs = production ? 20_000 : 10_000 } = server.settings.stop ?? {};
    const { streamMs = production ? drainMs : DEVELOPMENT_STREAM_MS } = server.settings.stop ?? {};
    this.#publications.get(server)?.end(stopped(server.settings.url));
    const names = server.hosted?.registrations.map(({ instance }) => instance.service) ?? [];
    const force = this.#forced?.signal ?? NEVER;
    await stopServer(server, { registry: this.runtime.registry, time: systemTime, drainMs, streamMs, force });
    if (names.length > 0) this.#logger.log(`deregistered and stopped: ${names.join(', ')}`);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.servers].map((server) => server.close()));
  }

  /** Publishes what is not published, also where `register` is `'manual'`. */
  async registerAll(): Promise<void> {
    const listening = [...this.servers].filter(({ rotation }) => rotation !== undefined);
    for (const { rotation } of listening) rotation!.enter();
    for (const server of listening) this.#publications.get(server)?.end();
    if (listening.some(({ hosted }) => hosted!.published)) this.#wiring.expectSignals();
    await Promise.all(listening.map(({ hosted }) => hosted!.registered()));
  }

  async withdrawAll(): Promise<void> {
    await Promise.all([...this.servers].map(async ({ rotation }) => rotation?.leave()));
  }

  /** Once everything has stopped; Nest ends the process by the signal that it got, and must be heard then. */
  [Symbol.dispose](): void {
    this.#forced?.[Symbol.dispose]();
    this.#wiring[Symbol.dispose]();
  }

  hidden({ settings }: RookeryGrpcServer, services: readonly string[]): void {
    this.#logger.warn(
      `ROOKERY_REFLECTION_HIDDEN at rookeryGrpc at ${settings.url}: ${services.join(', ')} has no descriptors, as generated definitions have none, so reflection cannot show it. ` +
        'Give the contract by `package` and `protoPath`.',
    );
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

  /** Waits for the registry a while; a server serves without it, unless it must not. */
  async #registered(server: RookeryGrpcServer, hosted: HostedServices): Promise<void> {
    const { requireRegistry = false, registerWaitMs = 3000, registerTimeoutMs = 30_000 } = server.settings;
    const [ms, option] = requireRegistry
      ? [registerTimeoutMs, 'registerTimeoutMs']
      : [registerWaitMs, 'registerWaitMs'];
    const limit = new AbortController();
    const published = this.#publications.get(server)!.done;
    const all = published.then(() => hosted.registered()).then(() => true);
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

function isSecure(credentials: unknown): boolean {
  return (credentials as { _isSecure?(): boolean })._isSecure?.() ?? true;
}

const NEVER = new AbortController().signal;
