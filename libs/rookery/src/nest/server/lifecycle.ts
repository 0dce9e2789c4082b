import { Logger } from '@nestjs/common';
import { createInstance, DEFAULT_WEIGHT, PEER_VERSION, UNGROUPED, type ServiceInstance } from '../../core/instance.js';
import { messageOf } from '../../core/errors.js';
import type { Registration } from '../../core/registration.js';
import type { HelloResponse } from '../../grpc/peer.js';
import { randomId } from '../../system/random.js';
import { systemTime } from '../../system/time.js';
import { findAdvertised, type Advertised } from './advertise.js';
import { awaitRegistration } from './await-registration.js';
import type { DecoratedController } from './controllers.js';
import type { RegisterMode } from '../environment.js';
import { HostedServer } from './hosted-server.js';
import { HostedServices } from './hosted-services.js';
import { ForcedStop } from './forced-stop.js';
import { nothingServed, readOnly } from './lifecycle-errors.js';
import type { Listener, RookeryGrpcServer, ServerLife } from './rookery-grpc.server.js';
import type { RookeryRuntime } from '../runtime.js';
import { planServices, type PlannedService } from './service-plan.js';
import { nameOf } from '../service-ref.js';
import { Rotation, type RotationOptions } from './rotation.js';
import { stopLimits } from './stop-limits.js';
import { stopServer } from './stop.js';
import { Wiring } from './wiring.js';

/** Between two questions whether the server is healthy, ms. */
const HEALTH_INTERVAL_MS = 5000;

/**
 * The life of an application's servers, in every mode of Nest the same: a server is published once it listens AND the
 * application has bootstrapped, and withdrawn before it takes no more calls.
 */
export class RookeryLifecycle implements ServerLife {
  readonly #logger = new Logger('Rookery');
  readonly #servers = new Map<RookeryGrpcServer, HostedServer>();
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
    this.#wiring = new Wiring(controllers, this.#servers, systemTime);
  }

  get servers(): Iterable<RookeryGrpcServer> {
    return this.#servers.keys();
  }

  /** The live claims of all servers. */
  get registrations(): readonly Registration[] {
    return [...this.#servers.values()].flatMap(({ registrations }) => registrations);
  }

  /** The services that should be registered and are not. */
  get unregistered(): readonly string[] {
    return [...this.#servers.values()].flatMap(({ unregistered }) => unregistered);
  }

  attach(server: RookeryGrpcServer): void {
    this.#servers.set(server, new HostedServer(server.settings.url, this.#modeOf(server)));
  }

  hello(server: RookeryGrpcServer): HelloResponse | undefined {
    return this.#hostedOf(server).hello();
  }

  failed(server: RookeryGrpcServer, error: unknown): Promise<void> {
    return this.#hostedOf(server).fail(error);
  }

  /** Resolves when the registry has accepted every server that registers by itself, or by the user's word. */
  async registered(): Promise<void> {
    const wanted = [...this.#servers.values()].filter((server) => server.wanted);
    await Promise.all(wanted.map((server) => server.registered()));
  }

  /**
   * Once every hook of the user has run; Nest may say so twice. Rejects where a server that listens already must be
   * registered and is not in time.
   */
  async bootstrapped(): Promise<void> {
    if (this.#bootstrapped) return;
    this.#bootstrapped = true;
    for (const { parts } of this.#servers.values()) parts?.rotation.start();
    // Nothing that only uses the providers of an application, as a script or a test does, is expected to serve.
    if (this.#servers.size === 0 && this.takesCalls()) this.#wiring.warnOfStock();
    this.#wiring.expectListening();
    this.#wiring.warnOfUnserved();
    await Promise.all([...this.#servers.keys()].map((server) => this.#required(server)));
  }

  async listening(server: RookeryGrpcServer, listener: Listener): Promise<void> {
    try {
      await this.#start(server, listener);
    } catch (error) {
      // A stop while it waits for its registration is no failure of the start.
      if (server.closing) return;
      await this.failed(server, error);
      throw error;
    }
  }

  async #start(server: RookeryGrpcServer, listener: Listener): Promise<void> {
    const mode = this.#modeOf(server);
    const instances = mode === 'never' ? [] : await this.#instances(server, listener);
    if (server.closing) return;
    this.#forced ??= new ForcedStop(() => this.#stopping, systemTime);
    const hosted = new HostedServices(this.runtime.registry, instances);
    const rotation = this.#rotation(server, { hosted, mode, health: listener.health });
    this.#hostedOf(server).start({ hosted, rotation });
    if (mode === 'never') this.#logger.log("not registered: register is 'never'");
    if (mode === 'manual')
      this.#logger.log(`${hosted.names.join(', ')}: not registered until Rookery.register(), for register is 'manual'`);
    if (!this.#bootstrapped) return this.#wiring.expectBootstrap(server, () => this.#bootstrapped);
    this.#wiring.warnOfUnserved();
    rotation.start();
    await this.#registered(server);
  }

  /** What the server registers, where clients find it. */
  async #instances(server: RookeryGrpcServer, { bound, health }: Listener): Promise<ServiceInstance[]> {
    const plan = this.#plan(server);
    const { environment, registry } = this.runtime;
    const advertised = await findAdvertised({
      option: server.settings.advertise,
      environment: environment.advertise,
      podIp: environment.podIp,
      bound,
      boundBy: server.settings.urlFrom,
      registry,
    });
    const instances = instancesOf(server, plan, advertised.address);
    health?.addServices(instances.map(({ service }) => service));
    if (!server.closing) this.#logStart(instances, advertised);
    return instances;
  }

  #rotation(
    server: RookeryGrpcServer,
    { hosted, mode, health }: Pick<RotationOptions, 'hosted' | 'mode' | 'health'>,
  ): Rotation {
    const { settings } = server;
    const { publication } = this.#hostedOf(server);
    const { check, intervalMs = HEALTH_INTERVAL_MS } = typeof settings.health === 'object' ? settings.health : {};
    return new Rotation({
      label: hosted.names.join(', ') || settings.url,
      mode,
      hosted,
      health,
      dependsOn: settings.dependsOn?.map(nameOf) ?? [],
      check,
      checkIntervalMs: intervalMs,
      directory: this.runtime.directory,
      time: systemTime,
      onPublished: () => {
        publication.published(hosted.registered());
        this.#wiring.expectSignals();
      },
      onFailed: (error) => {
        this.#logger.error(messageOf(error));
        publication.fail(error);
      },
    });
  }

  async stop(server: RookeryGrpcServer): Promise<void> {
    this.#stopping = true;
    const own = this.#hostedOf(server);
    const names = own.registrations.map(({ instance }) => instance.service);
    own.stop();
    const limits = stopLimits(server.settings.stop, process.env);
    const settings = { registry: this.runtime.registry, time: systemTime, force: this.#forced?.signal, ...limits };
    await stopServer({ server, ...own.parts }, settings);
    if (names.length > 0) this.#logger.log(`deregistered and stopped: ${names.join(', ')}`);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#servers.keys()].map((server) => server.close()));
  }

  /** Publishes what is not published, also where `register` is `'manual'`. */
  async registerAll(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.register()));
  }

  async withdrawAll(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.deregister()));
  }

  /** Once everything has stopped; Nest ends the process by the signal that it got, and must be heard then. */
  [Symbol.dispose](): void {
    this.#forced?.[Symbol.dispose]();
    this.#wiring[Symbol.dispose]();
  }

  hidden({ settings }: RookeryGrpcServer, services: readonly string[]): void {
    this.#logger.warn(
      `ROOKERY_REFLECTION_HIDDEN at rookeryGrpc(${settings.url}): ${services.join(', ')} has no descriptors, as generated definitions have none, so reflection cannot show it. ` +
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

  /** Waits for the registration, unless that may take for ever. */
  async #registered(server: RookeryGrpcServer): Promise<void> {
    const own = this.#hostedOf(server);
    const waitsForOthers = server.settings.dependsOn?.length && own.registrations.length === 0;
    if (own.parts === undefined || !own.wanted || waitsForOthers) return;
    try {
      await awaitRegistration(own, server.settings, { time: systemTime, registry: this.runtime.registry.name });
    } catch (error) {
      // Taken out by the user while we waited: it serves, as it would have later.
      if (own.wanted) throw error;
    }
  }

  /** A server that has listened before the application started, and must be registered. */
  async #required(server: RookeryGrpcServer): Promise<void> {
    if (!server.settings.requireRegistry) return;
    try {
      await this.#registered(server);
    } catch (error) {
      if (server.closing) return;
      await this.failed(server, error);
      server.forceShutdown();
      throw error;
    }
  }

  /** Every server was attached when it was made. */
  #hostedOf(server: RookeryGrpcServer): HostedServer {
    const own = this.#servers.get(server);
    if (!own) throw new Error('a server of another application');
    return own;
  }

  #modeOf({ settings }: RookeryGrpcServer): RegisterMode {
    return settings.register ?? this.runtime.options.register ?? this.runtime.environment.register ?? 'auto';
  }

  #logStart(instances: readonly ServiceInstance[], { address, why }: Advertised): void {
    const { name, capabilities } = this.runtime.registry;
    for (const { service, weight, group } of instances) {
      const reached =
        group === UNGROUPED ? 'ungrouped' : `group '${group}', reached by calls, lanes and routes that name it`;
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
