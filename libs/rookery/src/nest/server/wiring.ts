import { Logger } from '@nestjs/common';
import type { Time } from '../../core/time.js';
import type { DecoratedController } from './controllers.js';
import type { HostedServer } from './hosted-server.js';
import { missingMethods } from './missing-methods.js';
import type { RookeryGrpcServer } from './rookery-grpc.server.js';

/** A server that listens this long, ms, in an application that never starts is probably a mistake. */
const IDLE_MS = 10_000;

/** Warns of what is wired so that something would fail to register in silence; of each fault once. */
export class Wiring implements Disposable {
  readonly #logger = new Logger('Rookery');
  readonly #timers: Disposable[] = [];
  readonly #said = new Set<string>();

  constructor(
    private readonly controllers: () => readonly DecoratedController[],
    private readonly servers: ReadonlyMap<RookeryGrpcServer, HostedServer>,
    private readonly time: Time,
  ) {}

  /** As in a hybrid application that forgot to start. */
  expectBootstrap(server: RookeryGrpcServer, isBootstrapped: () => boolean): void {
    this.#later(() => {
      if (isBootstrapped() || server.closing) return;
      this.#warn(
        'ROOKERY_SERVER_IDLE: a gRPC server listens, but nothing is registered before app.init() or app.listen() is called.',
      );
    });
  }

  /** As in a hybrid application that forgot to start its servers. */
  expectListening(): void {
    this.#later(() => {
      const idle = [...this.servers].filter(([server, { idle: waits }]) => waits && !server.closing);
      for (const [{ settings }] of idle) {
        this.#warn(
          `ROOKERY_SERVER_IDLE at ${settings.url}: rookeryGrpc() made a server that does not listen. Call app.startAllMicroservices(), or app.listen() of a microservice.`,
        );
      }
    });
  }

  /** At a registration. */
  expectSignals(): void {
    if (process.listenerCount('SIGTERM') > 0) return;
    this.#warn(
      'ROOKERY_SHUTDOWN_UNHEARD: nothing listens for SIGTERM, so a stop cannot deregister: it cuts running calls off, and clients are sent here until the entry goes (in etcd with its lease, after ttlMs, 20 s by default). Call app.enableShutdownHooks().',
    );
  }

  /** Decorated controllers, and no server of ours. */
  warnOfStock(): void {
    const controllers = this.controllers();
    if (controllers.length === 0) return;
    this.#warn(
      `ROOKERY_SERVER_STOCK at ${controllers.map(({ name }) => name).join(', ')}: @RegisterService, but no server of rookeryGrpc(), so nothing is registered. ` +
        'Pass rookeryGrpc({ … }) to createMicroservice() or connectMicroservice() instead of { transport: Transport.GRPC }.',
    );
  }

  /** Once every server has found its handlers and the application has started, what no server has is lost. */
  warnOfUnserved(): void {
    const servers = [...this.servers.keys()];
    if (servers.length === 0 || ![...this.servers.values()].every(({ parts }) => parts)) return;
    const missing = missingMethods(servers);
    if (missing.length > 0)
      this.#warn(
        `ROOKERY_METHOD_UNIMPLEMENTED at ${missing.join(', ')}: the contract has it, and no controller does, so callers get UNIMPLEMENTED. ` +
          'Write a handler with @GrpcMethod, @GrpcStreamMethod or @GrpcStreamCall, or take the method out of the contract.',
      );
    const unserved = this.controllers().flatMap(({ name, handlers }) =>
      handlers
        .filter((handler) => !servers.some((server) => server.serves(handler)))
        .map(({ service, rpc }) => `${name} (${service}/${rpc})`),
    );
    if (unserved.length === 0) return;
    this.#warn(
      `ROOKERY_CONTROLLER_UNSERVED at ${unserved.join(', ')}: no server of rookeryGrpc() has the method in its contract, so calls of it fail. ` +
        'Correct the name, add the contract to a server (`service` or `package`), or pass it to @RegisterService().',
    );
  }

  /** The application has ended. */
  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }

  /** Once: Nest may tell twice that the application has started, and what is wrong of one registration is of all. */
  #warn(text: string): void {
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.#logger.warn(text);
  }

  #later(fn: () => void): void {
    this.#timers.push(this.time.after(IDLE_MS, fn));
  }
}
