import {
  Channel,
  Client,
  connectivityState,
  Metadata,
  status,
  type ClientOptions,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { ClientGrpcProxy, type GrpcOptions } from '@nestjs/microservices';
import { RookeryError } from '../../core/errors.js';
import { checkKeys } from '../../core/keys.js';
import { checkGroups } from '../../core/route.js';
import { describeError } from '../../grpc/call-error.js';
import { createAsyncClient } from './async-client.js';
import type { AsyncClient } from './async-client.types.js';
import { RookeryClient, type ClientDefaults } from './client.js';
import type { Contract } from '../contract.js';
import { DEFAULTS_KEYS } from '../option-keys.js';
import type { ClientChannel } from '../../grpc/channel-options.js';
import { MuxCaller } from '../../mux/client/mux-caller.js';
import type { UnaryCaller } from './unary.js';
import type { MuxChannel } from '../../mux/client/mux-channel.js';
import { checkMs } from '../../core/duration.js';
import { type Compat } from '../options.js';
import { keepingContext, observableMethod, type ObservableMethod } from './observable-method.js';

export interface DiscoveryClientOptions {
  readonly service: string;
  readonly target: string;
  readonly contract: Contract;
  /** One for all gRPC services of the client, and for those that `with` makes. */
  readonly channel: Channel;
  /** For defaults that differ from the client's own. */
  readonly channelFor: (defaults: ClientDefaults) => ClientChannel;
  readonly defaults: ClientDefaults;
  /** `'nest'`: Observables as Nest's own client makes them. */
  readonly compat?: Compat | undefined;
  /** Whether a call is captured before grpc-js hears of it; where the user changes calls first, it cannot be. */
  readonly captures: boolean;
  /** Absent where its calls go one by one. */
  readonly mux?: MuxChannel | undefined;
}

/** The client of `forFeature`: Nest's own gRPC client over one channel of ours. */
export class DiscoveryClient extends RookeryClient {
  readonly #proxy: ChannelProxy;
  readonly #caller: UnaryCaller | undefined;
  readonly #services = new Map<string, Record<string, unknown>>();

  constructor(private readonly options: DiscoveryClientOptions) {
    super();
    const { mux, service, captures } = options;
    const channel = options.channelFor(options.defaults);
    const client = { service, capture: channel.capture };
    this.#caller = captures ? { ...client, mux: mux && new MuxCaller(mux, client) } : undefined;
    this.#proxy = new ChannelProxy(options, channel.options, this.#caller);
  }

  getService<T extends object>(name: string): T {
    return this.#proxy.getService<T>(this.#known(name));
  }

  getClientByServiceName<T = any>(name: string): T {
    return this.#proxy.getClientByServiceName<T>(this.#known(name));
  }

  getAsyncService<N extends string>(name: N): AsyncClient<any> {
    let service = this.#services.get(name);
    if (!service) {
      const client = this.getClientByServiceName<Client>(name);
      service = createAsyncClient(client, (client.constructor as ServiceClientConstructor).service, {
        service: this.options.service,
        caller: this.#caller,
      });
      this.#services.set(name, service);
    }
    return service as AsyncClient<any>;
  }

  with(defaults: ClientDefaults): RookeryClient {
    const path = `client of ${this.options.service}, with`;
    checkKeys(defaults, DEFAULTS_KEYS, path);
    if (defaults.timeoutMs !== undefined) checkMs(defaults.timeoutMs, `${path}.timeoutMs`);
    if (defaults.group !== undefined) checkGroups(defaults.group, `${path}.group`);
    return new DiscoveryClient({ ...this.options, defaults: { ...this.options.defaults, ...defaults } });
  }

  waitForReady({ timeoutMs = 5000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    const { channel, service } = this.options;
    const deadline = Date.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      const check = (error?: Error) => {
        const state = channel.getConnectivityState(true);
        if (state === connectivityState.READY) return resolve();
        if (error || state === connectivityState.SHUTDOWN) return reject(notReady(service, timeoutMs));
        channel.watchConnectivityState(state, deadline, check);
      };
      check();
    });
  }

  close(): void {
    this.#proxy.close();
    this.options.channel.close();
  }

  #known(name: string): string {
    const { contract, service } = this.options;
    if (contract.serviceNames.includes(name)) return name;
    throw new RookeryError('ROOKERY_CLIENT_UNKNOWN', {
      path: `client of ${service}`,
      found: `its contract has no gRPC service ${JSON.stringify(name)}.`,
      remedy: `It has: ${contract.serviceNames.join(', ')}.`,
    });
  }
}

function notReady(service: string, ms: number): Error {
  const details = `${service}: no instance was connected in ${ms} ms.`;
  const error = Object.assign(new Error(`14 UNAVAILABLE: ${details}`), {
    code: status.UNAVAILABLE,
    details,
    metadata: new Metadata(),
  });
  return describeError(error, { service });
}

class ChannelProxy extends ClientGrpcProxy {
  readonly #compat: Compat | undefined;

  constructor(
    { contract, target, channel, compat }: DiscoveryClientOptions,
    clientOptions: ClientOptions,
    private readonly caller: UnaryCaller | undefined,
  ) {
    super({
      url: target,
      package: [...contract.servicePackages],
      packageDefinition: contract.definition,
      channelOptions: { ...clientOptions, channelOverride: channel },
    } as GrpcOptions['options']);
    this.#compat = compat;
  }

  override createServiceMethod(client: Client, name: string): ObservableMethod {
    if (this.#compat === 'nest') return keepingContext(super.createServiceMethod(client, name));
    return observableMethod(client, name, (error) => this.serializeError(error) as unknown, this.caller);
  }

  override createClientByServiceName(name: string): unknown {
    const made: unknown = super.createClientByServiceName(name);
    if (made instanceof Client) return made;
    throw new RookeryError('ROOKERY_GRPC_DUPLICATE', {
      path: '@grpc/grpc-js',
      found: '@nestjs/microservices uses another copy of @grpc/grpc-js than Rookery.',
      remedy: 'Keep one copy: run `npm ls @grpc/grpc-js`, align the versions, and run `npm dedupe`.',
    });
  }

  /** The channel is the client's, and other proxies may use it. */
  override close(): void {
    this.clients.clear();
    this.grpcClients = [];
  }
}
