import type * as Grpc from '@grpc/grpc-js';
import type * as Etcd from 'etcd3';
import type { Time } from '../../core/time.js';
import { isTokenStale } from './faults.js';
import { hostPolicies } from './host-policy.js';
import type { EtcdSettings } from './options.js';
import { Stream, type RawStream } from './stream.js';

export type KeepAliveStream = Stream<Etcd.ILeaseKeepAliveRequest, Etcd.ILeaseKeepAliveResponse>;
export type RawWatchStream = Stream<Etcd.IWatchRequest, Etcd.IWatchResponse>;

/** How long one call may take, ms. The package has no limit of its own, and a hung host none either. */
const DEADLINE_MS = 2500;

/**
 * What we need of etcd, and no more, so that the package behind it can be exchanged without touching the loops. It
 * gives us the hosts, TLS, tokens and calls; its leases and watches lose registrations and events (docs/adr/0006).
 */
export interface EtcdClient {
  /** How many there are to choose from. */
  readonly hosts: number;
  /** etcd has answered a call so far: whatever goes wrong from here on, we speak as it does. */
  readonly answered: boolean;
  range(request: Etcd.IRangeRequest, deadlineMs?: number): Promise<Etcd.IRangeResponse>;
  txn(request: Etcd.ITxnRequest, deadlineMs?: number): Promise<Etcd.ITxnResponse>;
  grant(id: string, ttlSeconds: number): Promise<unknown>;
  revoke(id: string, deadlineMs: number): Promise<unknown>;
  keepAlive(): Promise<KeepAliveStream>;
  watch(): Promise<RawWatchStream>;
  /**
   * Signs in afresh where what a stream met says that its token is of no use; other errors change nothing.
   * @returns whether another try has a token that this one had not
   */
  failed(error: unknown, stream: object): boolean;
  /** Ends every call and stream. */
  close(): void;
}

export function createClient(settings: EtcdSettings, time: Time): EtcdClient {
  return new PackageClient(settings, time);
}

class PackageClient implements EtcdClient {
  readonly hosts: number;
  answered = false;
  readonly #calls = new Set<Grpc.InterceptingCall>();
  /** Whose token a stream has. */
  readonly #origins = new WeakMap<object, Promise<Etcd.Etcd3>>();
  #etcd: Promise<Etcd.Etcd3> | undefined;
  #closed = false;

  constructor(
    private readonly settings: EtcdSettings,
    private readonly time: Time,
  ) {
    this.hosts = settings.hosts.length;
  }

  range(request: Etcd.IRangeRequest, deadlineMs?: number) {
    return this.#ask((etcd) => etcd.kv.range(request, deadline(deadlineMs)));
  }

  txn(request: Etcd.ITxnRequest, deadlineMs?: number) {
    return this.#ask((etcd) => etcd.kv.txn(request, deadline(deadlineMs)));
  }

  grant(id: string, ttlSeconds: number) {
    return this.#ask((etcd) => etcd.leaseClient.leaseGrant({ ID: id, TTL: ttlSeconds }));
  }

  revoke(id: string, deadlineMs: number) {
    return this.#call((etcd) => etcd.leaseClient.leaseRevoke({ ID: id }, deadline(deadlineMs)));
  }

  keepAlive() {
    return this.#stream((etcd) => etcd.leaseClient.leaseKeepAlive());
  }

  watch() {
    return this.#stream((etcd) => etcd.watchClient.watch());
  }

  failed(error: unknown, stream: object): boolean {
    return this.#renew(error, this.#origins.get(stream));
  }

  close(): void {
    this.#closed = true;
    this.#etcd?.then((etcd) => etcd.close()).catch(() => {});
    for (const call of this.#calls) call.cancelWithStatus(1, 'the registry was closed');
  }

  async #ask<T>(run: (etcd: Etcd.Etcd3) => Promise<T>): Promise<T> {
    const answer = await this.#call(run);
    this.answered = true;
    return answer;
  }

  #stream<Q, R>(open: (etcd: Etcd.Etcd3) => Promise<Etcd.IDuplexStream<Q, R>>): Promise<Stream<Q, R>> {
    return this.#call(async (etcd, origin) => {
      const stream = new Stream(raw(await open(etcd)), this.time);
      this.#origins.set(stream, origin);
      return stream;
    });
  }

  async #call<T>(run: (etcd: Etcd.Etcd3, origin: Promise<Etcd.Etcd3>) => Promise<T>): Promise<T> {
    for (let renewed = false; ; renewed = true) {
      const origin = (this.#etcd ??= this.#connect());
      const etcd = await origin;
      if (this.#closed) throw new Error('the registry was closed');
      try {
        return await run(etcd, origin);
      } catch (error) {
        // A token is looked at before anything is done.
        if (!this.#renew(error, origin) || renewed) throw error;
      }
    }
  }

  /** Where several calls find out at once, the first of them signs in for all. */
  #renew(error: unknown, origin: Promise<Etcd.Etcd3> | undefined): boolean {
    if (this.#closed || !isTokenStale(error)) return false;
    if (this.#etcd === origin) this.#etcd = undefined;
    origin?.then((etcd) => etcd.close()).catch(() => {});
    return true;
  }

  /** The package is loaded here and not above: whoever imports rookery without etcd pays nothing for it. */
  async #connect(): Promise<Etcd.Etcd3> {
    try {
      const [etcd, grpc] = await Promise.all([import('etcd3'), import('@grpc/grpc-js')]);
      return new etcd.Etcd3(this.#options(etcd, grpc));
    } catch (error) {
      this.#etcd = undefined;
      throw error;
    }
  }

  #options(etcd: typeof Etcd, grpc: typeof Grpc): Etcd.IOptions {
    const { hosts, auth, tls } = this.settings;
    return {
      hosts: hosts.map((host) => `${tls ? 'https' : 'http'}://${host}`),
      ...(auth && { auth: { ...auth } }),
      ...(tls && { credentials: credentials(tls) }),
      faultHandling: hostPolicies(hosts.length, this.time, etcd.isRecoverableError),
      defaultCallOptions: (context) => (context.isStream ? {} : deadline(DEADLINE_MS)),
      grpcOptions: this.#channelOptions(grpc),
    };
  }

  /** What the package hands to grpc-js as it is. */
  #channelOptions(grpc: typeof Grpc): Grpc.ChannelOptions {
    const options: Grpc.ClientOptions = {
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5000,
      // 4 MB, the default, is a list of 16 000 instances.
      'grpc.max_receive_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 2000,
      'grpc.enable_http_proxy': 0,
      interceptors: [this.#interceptor(grpc)],
    };
    return options as Grpc.ChannelOptions;
  }

  /** Keeps book of the running calls, and has etcd end streams at a member that has lost its leader. */
  #interceptor({ InterceptingCall }: typeof Grpc): Grpc.Interceptor {
    return (options, nextCall) => {
      const call: Grpc.InterceptingCall = new InterceptingCall(nextCall(options), {
        start: (metadata, _listener, next) => {
          const own = metadata.clone();
          if (options.method_definition.responseStream) own.set('hasleader', 'true');
          this.#calls.add(call);
          next(own, {
            onReceiveStatus: (status, nextStatus) => {
              this.#calls.delete(call);
              nextStatus(status);
            },
          });
        },
      });
      return call;
    };
  }
}

function deadline(ms: number | undefined): Grpc.CallOptions {
  return ms === undefined ? {} : { deadline: Date.now() + ms };
}

function raw<Q, R>(stream: Etcd.IDuplexStream<Q, R>): RawStream<Q, R> {
  return stream as unknown as RawStream<Q, R>;
}

function credentials({ ca, cert, key }: NonNullable<EtcdSettings['tls']>): NonNullable<Etcd.IOptions['credentials']> {
  // The package says that the root certificate is required, yet hands it on to grpc-js, where it is not.
  return {
    rootCertificate: ca as Buffer,
    ...(key && { privateKey: key }),
    ...(cert && { certChain: cert }),
  };
}
