import {
  Client,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  status,
  type sendUnaryData,
  type ServerInterceptor,
  type ServerOptions,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import type { ModulesContainer } from '@nestjs/core';
import { ServerGrpc, type GrpcOptions } from '@nestjs/microservices';
import { RookeryError } from '../../core/errors.js';
import { AcceptedSockets } from '../../grpc/accepted-sockets.js';
import { acceptedLanes, serveCall, type IncomingCall } from '../../grpc/incoming-call.js';
import { PEER_SERVICE, PEER_SERVICE_NAME, type HelloRequest, type HelloResponse } from '../../grpc/peer.js';
import { systemTime } from '../../system/time.js';
import { bind, type Bound } from './bind.js';
import { hasMethod, methodNames, servicesOf, type Contract } from '../contract.js';
import type { GrpcPattern } from './controllers.js';
import { equipHandlers } from './handlers/equip.js';
import { grpcMethod, type GrpcMethod, type MethodOptions } from './handlers/grpc-method.js';
import { HEALTH_CHECK, ServerHealth } from './health.js';
import type { ListenPlace } from './listen-place.js';
import { addReflection } from './reflection.js';
import { RunningCalls } from './running-calls.js';
import { MUX_SERVICE, type MuxServer } from '../../mux/server/mux-server.js';
import type { MuxSettings } from '../mux-options.js';
import { serverMux } from './server-mux.js';
import { OWN_SERVER_KEYS } from '../option-keys.js';
import { sendable } from './sendable.js';
import type { RookeryGrpcOptions } from '../options.js';
import { WrappingServer, type ServerMethod } from './wrapping-server.js';

type NestOptions = GrpcOptions['options'];
type ListenCallback = (error?: unknown, info?: unknown) => void;
type GrpcService = { readonly prototype: Record<string, { readonly path?: string }> };

/** What a server has once it listens. */
export interface Listener {
  readonly bound: Bound;
  /** Absent where it serves none of ours. */
  readonly health: ServerHealth | undefined;
}

/** For those who run a server, not for its clients: their calls neither delay a stop nor fail by it. */
const ASIDE = /^\/(rookery|grpc\.(health|reflection|channelz))\.v1/;

/** What the server tells whoever runs its life. */
export interface ServerLife {
  /** Every server of the application. */
  readonly servers: Iterable<RookeryGrpcServer>;
  /** It listens; rejects where it must not serve. */
  listening(server: RookeryGrpcServer, listener: Listener): Promise<void>;
  /** It could not listen. */
  failed(server: RookeryGrpcServer, error: unknown): Promise<void>;
  /** Who answers there; absent while that is not known yet. */
  hello(server: RookeryGrpcServer): HelloResponse | undefined;
  stop(server: RookeryGrpcServer): Promise<void>;
  /** Its reflection cannot show some services. */
  hidden(server: RookeryGrpcServer, services: readonly string[]): void;
}

export interface ServerContract {
  readonly contract: Contract;
  /** The part that the server's own options name, not its controllers' decorators. */
  readonly own?: Contract | undefined;
  /** Absent where it takes no calls over streams of mux. */
  readonly mux?: MuxSettings | undefined;
}

/** Nest's gRPC server that knows its port, says who it is, and leaves start and stop to the application's life cycle. */
export class RookeryGrpcServer extends ServerGrpc {
  /** When the last call came in, monotonic ms; absent while none has. */
  lastCallAt: number | undefined;
  /** Of the user's methods, those that `onLoadPackageDefinition` added among them. */
  readonly calls: Pick<RunningCalls, 'end'> = { end: (reason, which) => this.#end(reason, which) };
  /** Of the application. */
  modules: ModulesContainer | undefined;
  #bound: Bound | undefined;
  #health: ServerHealth | undefined;
  readonly #running = new RunningCalls();
  readonly #asides = new RunningCalls();
  readonly #mux: MuxServer | undefined;
  readonly #lanes: ReadonlySet<string> | undefined;
  #sockets: AcceptedSockets | undefined;
  readonly #handled = new Set<string>();
  #grpcServer: WrappingServer | undefined;
  #closing: Promise<void> | undefined;
  /** Nest's own, which does nothing. */
  readonly #noHook = this.onProcessingStartHook;

  constructor(
    readonly settings: RookeryGrpcOptions & ListenPlace,
    private readonly contracts: ServerContract,
    private readonly life: ServerLife,
  ) {
    super(nestOptions(settings, contracts.contract));
    this.#lanes = acceptedLanes(settings.lanes);
    const mux =
      contracts.mux && settings.compat !== 'nest' ? serverMux(contracts.mux, settings, this.logger) : undefined;
    if (mux && 'off' in mux) this.logger.warn(`mux is off, for the server has ${mux.off}: calls come one by one`);
    else this.#mux = mux;
  }

  /** Where it listens, once it does. */
  get bound(): Bound | undefined {
    return this.#bound;
  }

  /** How many connections of clients are open. */
  get sessions(): number {
    return this.#sockets?.size ?? 0;
  }

  /** It drains, and every client has been sent everything; those that are alive close their connections now. */
  get spent(): boolean {
    return this.#sockets?.ended ?? false;
  }

  /** It stops, or has stopped. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** What its contract has: `UserService/GetById`. */
  get methods(): readonly string[] {
    return methodNames(this.contracts.contract);
  }

  /** The gRPC services of its contract, by full name. */
  get definitions(): ReturnType<typeof servicesOf> {
    return servicesOf(this.contracts.contract);
  }

  /** Whether one of the handlers is served here. */
  serves({ service, rpc }: GrpcPattern): boolean {
    return this.#handled.has(`${service}/${rpc}`);
  }

  /** Before Nest binds the handlers of the application. */
  equip(modules: ModulesContainer): void {
    this.modules = modules;
    if (this.settings.compat !== 'nest') equipHandlers(modules, this.contracts.contract.definition);
  }

  override async listen(callback: ListenCallback): Promise<void> {
    await super.listen((error?: unknown) => void this.#start(callback, error));
  }

  async #start(callback: ListenCallback, error?: unknown): Promise<void> {
    const [bound, health] = [this.#bound, this.#health];
    if (error !== undefined || this.closing || !bound) {
      this.forceShutdown();
      if (error !== undefined) await this.life.failed(this, error);
      return callback(error);
    }
    try {
      await this.life.listening(this, { bound, health });
      callback(undefined, { port: 'port' in bound ? bound.port : undefined });
    } catch (cause) {
      this.forceShutdown();
      callback(cause);
    }
  }

  /** Deregisters, waits for calls to stop coming and for running ones to end; one promise however often it is called. */
  override close(): Promise<void> {
    return (this.#closing ??= this.life.stop(this));
  }

  /** Takes no new calls; resolves when the running ones have ended. */
  drain(): Promise<void> {
    this.#mux?.refuse();
    this.#sockets?.destroyMute();
    return new Promise((resolve) => (this.#grpcServer ? this.#grpcServer.tryShutdown(() => resolve()) : resolve()));
  }

  goAway(): void {
    this.#mux?.goAway();
  }

  #end(...[reason, which]: Parameters<RunningCalls['end']>): void {
    this.#running.end(reason, which);
    if (which !== 'streams') this.#mux?.end(reason);
  }

  /** Ends the streams of those who watch its health or read its contract: they would never end by themselves. */
  endAsides(): void {
    this.#asides.end({ code: status.OK });
  }

  forceShutdown(): void {
    this.#grpcServer?.forceShutdown();
    this.#grpcServer = undefined;
    this.#sockets?.[Symbol.dispose]();
  }

  override unwrap<T = Server>(): T {
    return this.#grpcServer as T;
  }

  /** As Nest's, but the port is kept. */
  override async createClient(): Promise<Server> {
    const credentials =
      (this.settings.credentials as ServerCredentials | undefined) ?? ServerCredentials.createInsecure();
    const make = () =>
      new WrappingServer(channelOptionsOf(this.settings, this.getKeepaliveOptions(), this.logger), this.#tracked);
    const { server, bound } = await bind(make, this.settings.url, credentials, this.settings.urlFrom);
    this.#bound = bound;
    this.#sockets = new AcceptedSockets(server);
    this.#grpcServer = server as WrappingServer;
    server.addService(PEER_SERVICE, { Hello: this.#hello });
    if (this.#mux) server.addService(MUX_SERVICE, { Calls: this.#mux.accept });
    return server;
  }

  /** After the user's own, which come first where both have one. */
  override async bindEvents(): Promise<void> {
    await super.bindEvents();
    const server = this.#grpcServer!;
    const { health = true, reflection = false } = this.settings;
    const services = this.#services();
    if (health !== false && !server.has(HEALTH_CHECK)) {
      this.#health = new ServerHealth([...services.keys()]);
      this.#health.addTo(server);
    }
    if (reflection) {
      const hidden = await addReflection(server, services);
      if (hidden.length > 0) this.life.hidden(this, hidden);
    }
  }

  /** The gRPC services with a handler here, by full name; its contract may have those of other servers, too. */
  #services(): ReadonlyMap<string, ServiceDefinition> {
    const entries = [...servicesOf(this.contracts.contract)];
    return new Map(
      entries.filter(([service, methods]) => Object.keys(methods).some((rpc) => this.serves({ service, rpc }))),
    );
  }

  override async createService(grpcService: GrpcService, name: string): Promise<Record<string, unknown>> {
    assertOneGrpc(grpcService.prototype);
    const service = (await super.createService(grpcService, name)) as Record<string, unknown>;
    for (const rpc of Object.keys(service)) {
      const fullName = grpcService.prototype[rpc]?.path?.split('/')[1] ?? name;
      if (this.#isOthers({ service: fullName, rpc })) delete service[rpc];
      else for (const known of [name, fullName]) this.#handled.add(`${known}/${rpc}`);
    }
    return service;
  }

  /** What another server of the application names as its own is served there alone: it may be on a guarded port. */
  #isOthers(method: GrpcPattern): boolean {
    const owns = ({ contracts: { own } }: RookeryGrpcServer) => own !== undefined && hasMethod(own, method);
    return !owns(this) && [...this.life.servers].some(owns);
  }

  override createServiceMethod(...args: Parameters<ServerGrpc['createServiceMethod']>): Function {
    return this.settings.compat === 'nest' ? super.createServiceMethod(...args) : this.#methodOf(...args);
  }

  /** Whoever adds a method: its calls are known while they run. */
  readonly #tracked = (method: UntypedHandleCall, definition: ServerMethod): UntypedHandleCall => {
    const { path, requestStream, responseStream } = definition;
    const streams = requestStream || responseStream;
    const run = method as (call: unknown, callback: unknown) => unknown;
    if (path === MUX_SERVICE.Calls.path) return method;
    if (ASIDE.test(path)) return streams ? this.#asides.track(run, true) : method;
    const serve = (call: IncomingCall, callback: unknown): unknown => {
      this.lastCallAt = systemTime.now();
      return serveCall(call, this.#lanes, () => run(call, callback));
    };
    if (!streams) {
      const { requestDeserialize: deserialize, responseSerialize: serialize } = definition;
      this.#mux?.add({ path, deserialize, serialize, handle: serve as never });
    }
    return this.#running.track(serve, streams);
  };

  #methodOf(...[handler, type, streaming]: Parameters<ServerGrpc['createServiceMethod']>): GrpcMethod {
    return grpcMethod({
      handler: handler as MethodOptions['handler'],
      type: type as MethodOptions['type'],
      streaming,
      logger: this.logger,
      // Who sets a hook may do so at any time.
      hooked: () => this.onProcessingStartHook !== this.#noHook || Boolean(this.onProcessingEndHook),
      around: (call, run) =>
        this.runWithProcessingHooks(
          Object.assign({}, call, { operationId: handler.name }) as never,
          run,
          call.request as never,
        ),
    });
  }

  readonly #hello = (_: ServerUnaryCall<HelloRequest, HelloResponse>, callback: sendUnaryData<HelloResponse>): void => {
    // Between binding and knowing its address it cannot say who it is; the other side asks again.
    const answer = this.life.hello(this);
    if (answer) callback(null, this.#mux ? { ...answer, mux: this.#mux.offer } : answer);
    else callback({ code: status.UNAVAILABLE, details: 'the server is starting' });
  };
}

function nestOptions(settings: RookeryGrpcOptions, contract: Contract): NestOptions {
  const { protoPath: _p, ...rest } = settings;
  const theirs = Object.entries(rest).filter(([key]) => !Object.hasOwn(OWN_SERVER_KEYS, key));
  const options = Object.fromEntries(theirs) as Omit<NestOptions, 'protoPath'>;
  return {
    ...options,
    // Nest changes the object that it is given.
    ...(options.channelOptions && { channelOptions: { ...options.channelOptions } }),
    package: [...contract.packages],
    packageDefinition: contract.definition,
  } as NestOptions;
}

function channelOptionsOf(
  settings: RookeryGrpcOptions,
  keepalive: object,
  logger: Parameters<typeof sendable>[0],
): ConstructorParameters<typeof Server>[0] {
  const { interceptors = [] } = (settings.channelOptions ?? {}) as ServerOptions;
  // The first one is next to the wire.
  const mended = settings.compat === 'nest' ? [] : [sendable(logger)];
  const { channelOptions, maxSendMessageLength, maxReceiveMessageLength, maxMetadataSize } = settings;
  return {
    ...channelOptions,
    interceptors: [...mended, ...interceptors.map(exemptPeers)],
    ...(maxSendMessageLength !== undefined && { 'grpc.max_send_message_length': maxSendMessageLength }),
    ...(maxReceiveMessageLength !== undefined && { 'grpc.max_receive_message_length': maxReceiveMessageLength }),
    ...(maxMetadataSize !== undefined && { 'grpc.max_metadata_size': maxMetadataSize }),
    ...keepalive,
  } as ConstructorParameters<typeof Server>[0];
}

/** A user's interceptor that asks for a token would lock our own clients out before their first call. */
function exemptPeers(interceptor: ServerInterceptor): ServerInterceptor {
  return (method, call) =>
    method.path.startsWith(`/${PEER_SERVICE_NAME}/`) ? new ServerInterceptingCall(call) : interceptor(method, call);
}

function assertOneGrpc(prototype: object): void {
  if (prototype instanceof Client) return;
  throw new RookeryError('ROOKERY_GRPC_DUPLICATE', {
    path: '@grpc/grpc-js',
    found: '@nestjs/microservices uses another copy of @grpc/grpc-js than Rookery.',
    remedy: 'Keep one copy: run `npm ls @grpc/grpc-js`, align the versions, and run `npm dedupe`.',
  });
}
