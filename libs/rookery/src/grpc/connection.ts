import { connectivityState as State, type ChannelOptions, type experimental } from '@grpc/grpc-js';
import { parseAddress } from '../core/address.js';
import { Backoff } from '../core/backoff.js';
import type { Balancer } from '../core/balancer.js';
import type { Connection, Endpoint } from '../core/endpoint.js';
import { messageOf } from '../core/errors.js';
import type { ServiceInstance } from '../core/instance.js';
import type { Random, Time } from '../core/time.js';
import type { Carriage, Carrier } from './carrier.js';
import { watchedName, type HealthCheckOption } from './health-option.js';
import { HealthWatch } from './health-watch.js';
import { sayHello } from './hello.js';
import { sparePings } from './keepalive.js';
import { receivedBytes } from './received-bytes.js';
import type { HostedService, MuxOffer } from './peer.js';
import { openStream } from './subchannel-call.js';
import { tlsHint } from './server-name.js';
import type { SubchannelArgs } from './subchannel-args.js';
import { completePick } from './complete-pick.js';

type Subchannel = experimental.SubchannelInterface;

/** A connection that is not up after this long, with its HTTP/2 handshake, counts as failed until it is, ms. */
const CONNECT_MS = 2000;
/** What grpc-js adds to the error of a connection. */
const ADDED = /^Error: | \(\d{4}-[\dT:.-]+Z\)$/g;

export interface ConnectionOptions {
  /** Made by the policy's helper: from the channel's pool, with its credentials. */
  readonly createSubchannel: (address: experimental.SubchannelAddress, args: ChannelOptions) => Subchannel;
  readonly args: SubchannelArgs;
  readonly healthCheck?: HealthCheckOption | undefined;
  /** Whether the channel's credentials are those of TLS, where that is known. */
  readonly secure?: boolean | undefined;
  readonly carriage?: Carriage | undefined;
  readonly balancer: () => Balancer;
  /** The channel's authority. */
  readonly host: string;
  readonly time: Time;
  readonly random: Random;
}

/**
 * The connection of one endpoint: a subchannel that is held in READY, and the knowledge of who is behind it. An entry
 * that claims to be one of ours gets calls only after Hello, on this very connection, named the service in its group;
 * for an address may have passed to another process before the registry knows.
 */
export class SubchannelConnection implements Connection {
  /** What a pick hands to grpc-js while the endpoint is ready. */
  pick: experimental.PickResult | undefined;
  /** Takes calls beside grpc-js while the endpoint is ready; absent where the other side, or the client, does not want it. */
  carrier: Carrier | undefined;
  #offer: MuxOffer | undefined;
  #subchannel: Subchannel | undefined;
  /** What the subchannel was made for; absent where it could not be. */
  #key: string | undefined;
  #watch: HealthWatch | undefined;
  #closed = false;
  /** Counts connections and questions: an answer that belongs to an earlier one is dropped. */
  #epoch = 0;
  #retry: Disposable | undefined;
  readonly #backoff: Backoff;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly options: ConnectionOptions,
  ) {
    this.#backoff = new Backoff(options.random);
    // Not at once: the balancer hears of a connection only after it has it.
    this.#retry = options.time.after(0, () => this.#open());
  }

  instanceChanged(previous: ServiceInstance): void {
    const { instance, state } = this.endpoint;
    const chosen = this.options.args.choose(instance);
    if (('key' in chosen ? chosen.key : undefined) !== this.#key) return this.#reopen();
    if (previous.id === instance.id && previous.generation === instance.generation && state !== 'impostor') return;
    if (state === 'impostor') return this.#reopen();
    // A process started on this address, or came to light: nothing from here on is known until it says who it is.
    this.#subchannel?.getRealSubchannel().resetBackoff();
    if (this.#subchannel?.getConnectivityState() === State.READY) this.#connected();
  }

  get connected(): boolean {
    return this.#subchannel?.getConnectivityState() === State.READY;
  }

  get received(): number | undefined {
    return this.#subchannel && receivedBytes(this.#subchannel);
  }

  /** Whoever does not speak our protocol cannot be asked. */
  inquire(): boolean {
    const { instance, state } = this.endpoint;
    if (instance.peer === 0 || state !== 'ready') return false;
    // Its health may have said more meanwhile.
    void this.#verify(this.#epoch, () => void (this.endpoint.state === 'ready' && this.#report('ready')));
    return true;
  }

  prompt(): boolean {
    const subchannel = this.#subchannel;
    if (this.endpoint.instance.peer === 0 || this.endpoint.state !== 'ready' || !subchannel) return false;
    void this.#ask(subchannel);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#leave();
  }

  #leave(): void {
    this.#forget();
    this.#subchannel?.removeConnectivityStateListener(this.#onState);
    this.#subchannel?.unref();
    this.#subchannel = undefined;
  }

  resetBackoff(): void {
    this.#subchannel?.getRealSubchannel().resetBackoff();
  }

  #reopen(): void {
    this.#leave();
    this.#report('connecting');
    this.#open();
  }

  #open(): void {
    // Whoever hears of a change may have closed it.
    if (this.#closed) return;
    const { instance } = this.endpoint;
    const chosen = this.options.args.choose(instance);
    this.#key = 'key' in chosen ? chosen.key : undefined;
    if ('error' in chosen) return this.#report('failed', chosen.error);
    const address = parseAddress(instance.address);
    const place = 'path' in address ? { path: address.path } : { ...address };
    const subchannel = this.options.createSubchannel(place, chosen.args);
    this.#subchannel = subchannel;
    subchannel.ref();
    subchannel.addConnectivityStateListener(this.#onState);
    if (subchannel.getConnectivityState() === State.READY) return this.#connected();
    // It may come from the pool, in the backoff of whoever was at the address before.
    subchannel.getRealSubchannel().resetBackoff();
    subchannel.startConnecting();
    this.#limitConnecting();
  }

  /** grpc-js waits for ever for a peer that accepts the connection and says nothing. */
  #limitConnecting(): void {
    this.#retry = this.options.time.after(CONNECT_MS, () => {
      this.#failed(`no connection in ${CONNECT_MS} ms`);
    });
  }

  readonly #onState = (_: Subchannel, __: State, state: State, ___: number, error?: string): void => {
    this.#forget();
    if (state === State.READY) this.#connected();
    else if (state === State.TRANSIENT_FAILURE) {
      this.#failed(error ?? 'connection failed');
      this.#subchannel?.startConnecting();
    } else {
      this.#report('connecting');
      // Dropped thereby, where the registry has lost it.
      if (!this.#subchannel) return;
      this.#limitConnecting();
      if (state === State.IDLE) this.#subchannel?.startConnecting();
    }
  };

  #connected(): void {
    this.#forget();
    const subchannel = this.#subchannel!;
    // grpc-js tells READY before the subchannel has its transport.
    process.nextTick(() => sparePings(subchannel));
    if (this.endpoint.instance.peer === 0) return this.#identified();
    this.#report('verifying');
    // grpc-js tells READY before the subchannel can take a call.
    const epoch = this.#epoch;
    process.nextTick(() => void this.#verify(epoch));
  }

  /** @param identified what follows once it is who its entry says */
  async #verify(epoch: number, identified = () => this.#identified()): Promise<void> {
    if (epoch !== this.#epoch || !this.#subchannel) return;
    const result = await this.#ask(this.#subchannel);
    if (epoch !== this.#epoch) return;
    if ('hello' in result) {
      if (!this.#isHosted(result.hello.services)) return this.#impostor('it hosts another service or group');
      this.#backoff.reset();
      // First, or a waiting call would be given to it.
      if (result.hello.draining) this.options.balancer().reportDraining(this.endpoint);
      this.#offer = result.hello.mux ?? undefined;
      return identified();
    }
    if (result.foreign) return this.#impostor('it does not speak the peer protocol of its entry');
    this.#report('failed', result.error);
    this.#retry = this.options.time.after(this.#backoff.next(), () => void this.#verify(epoch));
  }

  async #ask(subchannel: Subchannel) {
    try {
      return await sayHello({ subchannel, host: this.options.host, time: this.options.time });
    } catch (error) {
      return { error: messageOf(error), foreign: false };
    }
  }

  /** The same registration, whatever group an operator has given it since; or another one of the service and group. */
  #isHosted(services: readonly HostedService[]): boolean {
    const { service, id, group, generation } = this.endpoint.instance;
    const named = services.filter((hosted) => hosted.name === service);
    return named.some((hosted) => (hosted.id === id ? hosted.generation === generation : hosted.group === group));
  }

  /** Who it is is known, or need not be; how it is says its health, where that is asked. */
  #identified(): void {
    const { healthCheck, host, time, random, balancer } = this.options;
    const epoch = this.#epoch;
    const subchannel = this.#subchannel!;
    this.pick = completePick(subchannel.getRealSubchannel(), {
      time,
      isCurrent: () => this.#epoch === epoch,
      onStarted: (call) => balancer().callStarted(this.endpoint, call),
      onEnded: (call, outcome) => balancer().callEnded(this.endpoint, call, outcome),
    });
    this.carrier ??= this.#carry(subchannel);
    const name = watchedName(healthCheck, this.endpoint.instance);
    if (name === undefined) return this.#report('ready');
    this.#report('verifying');
    this.#watch?.[Symbol.dispose]();
    const report = this.#report.bind(this);
    const unchecked = () => balancer().reportUnchecked(this.endpoint);
    this.#watch = new HealthWatch({ subchannel, host, name, time, random, report, unchecked });
  }

  #carry(subchannel: Subchannel): Carrier | undefined {
    const { balancer, carriage, host } = this.options;
    const { endpoint } = this;
    if (!this.#offer) return undefined;
    return carriage?.carry({
      instance: endpoint.instance,
      offer: this.#offer,
      open: (path, listener) => openStream({ subchannel, host, path, listener }),
      callStarted: (call) => balancer().callStarted(endpoint, call),
      callEnded: (call, outcome) => balancer().callEnded(endpoint, call, outcome),
      // Another connection may have taken its place.
      draining: () => void (this.#subchannel === subchannel && balancer().reportDraining(endpoint)),
    });
  }

  /** Drops the connection, and does not come back until the entry of the address changes. */
  #impostor(found: string): void {
    this.#report('impostor', `the address of the instance answers, but ${found}`);
    this.#leave();
  }

  /** Whatever was known of the other side no longer holds. */
  #forget(): void {
    this.#epoch += 1;
    this.pick = undefined;
    this.carrier?.leave();
    this.carrier = this.#offer = undefined;
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  #failed(error: string): void {
    const plain = error.replaceAll(ADDED, '');
    this.#report('failed', plain + tlsHint(this.endpoint.instance, this.options.secure));
  }

  #report(...report: [state: Endpoint['state'], error?: string]): void {
    this.options.balancer().report(this.endpoint, ...report);
  }
}
