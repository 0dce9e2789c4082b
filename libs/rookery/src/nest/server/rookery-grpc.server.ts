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
} from '@grpc/grpc-js';
import { ServerGrpc, type GrpcOptions } from '@nestjs/microservices';
import { messageOf, RookeryError } from '../../core/errors.js';
import { PEER_SERVICE, PEER_SERVICE_NAME, type HelloRequest, type HelloResponse } from '../../grpc/peer.js';
import { systemTime } from '../../system/time.js';
import { hasMethod, methodNames, type Contract } from '../contract.js';
import type { GrpcPattern } from './controllers.js';
import type { HostedServices } from './hosted-services.js';
import type { RookeryGrpcOptions } from '../options.js';

type NestOptions = GrpcOptions['options'];
type ListenCallback = (error?: unknown, info?: unknown) => void;
type GrpcService = { readonly prototype: Record<string, { readonly path?: string }> };

/** What the server tells whoever runs its life. */
export interface ServerLife {
  /** Every server of the application. */
  readonly servers: Iterable<RookeryGrpcServer>;
  /** It listens; rejects where it must not serve. */
  listening(server: RookeryGrpcServer): Promise<void>;
  /** It could not listen. */
  failed(server: RookeryGrpcServer, error: unknown): void;
  stop(server: RookeryGrpcServer): Promise<void>;
}

export interface ServerContract {
  readonly contract: Contract;
  /** The part that the server's own options name, not its controllers' decorators. */
  readonly own?: Contract | undefined;
}

/** Nest's gRPC server that knows its port, says who it is, and leaves start and stop to the application's life cycle. */
export class RookeryGrpcServer extends ServerGrpc {
  /** Set once it listens. */
  hosted: HostedServices | undefined;
  bound: { readonly host: string; readonly port: number } | { readonly path: string } | undefined;
  /** When the last call came in, monotonic ms; absent while none has. */
  lastCallAt: number | undefined;
  readonly #handled = new Set<string>();
  #grpcServer: Server | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    readonly settings: RookeryGrpcOptions & { readonly url: string },
    private readonly contracts: ServerContract,
    private readonly life: ServerLife,
  ) {
    super(nestOptions(settings, contracts.contract));
  }

  /** It stops, or has stopped. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** What its contract has: `UserService/GetById`. */
  get methods(): readonly string[] {
    return methodNames(this.contracts.contract);
  }

  /** Whether one of the handlers is served here. */
  serves({ service, rpc }: GrpcPattern): boolean {
    return this.#handled.has(`${service}/${rpc}`);
  }

  override async listen(callback: ListenCallback): Promise<void> {
    await super.listen((error?: unknown) => void this.#start(callback, error));
  }

  async #start(callback: ListenCallback, error?: unknown): Promise<void> {
    if (error !== undefined || this.closing) {
      this.forceShutdown();
      if (error !== undefined) this.life.failed(this, error);
      return callback(error);
    }
    try {
      await this.life.listening(this);
      callback(undefined, { port: this.bound && 'port' in this.bound ? this.bound.port : undefined });
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
    return new Promise((resolve) => (this.#grpcServer ? this.#grpcServer.tryShutdown(() => resolve()) : resolve()));
  }

  forceShutdown(): void {
    this.#grpcServer?.forceShutdown();
    this.#grpcServer = undefined;
  }

  override unwrap<T = Server>(): T {
    return this.#grpcServer as T;
  }

  /** As Nest's, but the port is kept. */
  override async createClient(): Promise<Server> {
    const server = new Server(channelOptionsOf(this.settings, this.getKeepaliveOptions()));
    const credentials =
      (this.settings.credentials as ServerCredentials | undefined) ?? ServerCredentials.createInsecure();
    const port = await bind(server, this.settings.url, credentials);
    this.bound = boundAt(this.settings.url, port);
    this.#grpcServer = server;
    server.addService(PEER_SERVICE, { Hello: this.#hello });
    return server;
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
    const method = super.createServiceMethod(...args);
    return (call: unknown, callback: unknown) => {
      this.lastCallAt = systemTime.now();
      return method(call, callback) as unknown;
    };
  }

  readonly #hello = (_: ServerUnaryCall<HelloRequest, HelloResponse>, callback: sendUnaryData<HelloResponse>): void => {
    this.lastCallAt ??= systemTime.now();
    // Between binding and knowing its address it cannot say who it is; the other side asks again.
    if (this.hosted) callback(null, this.hosted.hello());
    else callback({ code: status.UNAVAILABLE, details: 'the server is starting' });
  };
}

function nestOptions(settings: RookeryGrpcOptions, contract: Contract): NestOptions {
  const { service: _s, protoPath: _p, advertise: _a, instance: _i, register: _r, stop: _t, ...options } = settings;
  return {
    ...options,
    // Nest changes the object that it is given.
    ...(options.channelOptions && { channelOptions: { ...options.channelOptions } }),
    package: [...contract.packages],
    packageDefinition: contract.definition,
  } as NestOptions;
}

function channelOptionsOf(settings: RookeryGrpcOptions, keepalive: object): ConstructorParameters<typeof Server>[0] {
  const interceptors = (settings.channelOptions as ServerOptions | undefined)?.interceptors;
  const { channelOptions, maxSendMessageLength, maxReceiveMessageLength, maxMetadataSize } = settings;
  return {
    ...channelOptions,
    ...(interceptors && { interceptors: interceptors.map(exemptPeers) }),
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

function bind(server: Server, url: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new RookeryError('ROOKERY_SERVER_UNBOUND', {
          path: 'url',
          found: `${url}: ${messageOf(cause)}.`,
          remedy: 'Choose a free port (port 0 takes any) and an address of this machine.',
          cause,
        }),
      );
    try {
      server.bindAsync(url, credentials, (error, port) => (error ? fail(error) : resolve(port)));
    } catch (error) {
      fail(error);
    }
  });
}

function boundAt(url: string, port: number): NonNullable<RookeryGrpcServer['bound']> {
  if (url.startsWith('unix:')) return { path: url.slice('unix:'.length) };
  const host = url.slice(0, url.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  return { host, port };
}

function assertOneGrpc(prototype: object): void {
  if (prototype instanceof Client) return;
  throw new RookeryError('ROOKERY_GRPC_DUPLICATE', {
    path: '@grpc/grpc-js',
    found: '@nestjs/microservices uses another copy of @grpc/grpc-js than Rookery.',
    remedy: 'Keep one copy: run `npm ls @grpc/grpc-js`, align the versions, and run `npm dedupe`.',
  });
}
