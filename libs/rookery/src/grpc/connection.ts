import { connectivityState as State, experimental, type ChannelOptions } from '@grpc/grpc-js';
import { parseAddress } from '../core/address.js';
import { Backoff } from '../core/backoff.js';
import type { Balancer } from '../core/balancer.js';
import type { Connection, Endpoint } from '../core/endpoint.js';
import { messageOf } from '../core/errors.js';
import type { ServiceInstance } from '../core/instance.js';
import type { Random, Time } from '../core/time.js';
import { sayHello } from './hello.js';
import type { HostedService } from './peer.js';

type Subchannel = experimental.SubchannelInterface;

/** A connection that is not up after this long, with its HTTP/2 handshake, counts as failed until it is, ms. */
const CONNECT_MS = 2000;

export interface ConnectionOptions {
  /** Made by the policy's helper: from the channel's pool, with its credentials. */
  readonly createSubchannel: (address: experimental.SubchannelAddress, args: ChannelOptions) => Subchannel;
  /** Built once a channel: a subchannel's identity includes every value. */
  readonly peerArgs: ChannelOptions;
  readonly foreignArgs: ChannelOptions;
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
  /** What a pick hands to grpc-js while the endpoint is ready: one object for all calls over the connection. */
  pick: experimental.PickResult | undefined;
  #subchannel: Subchannel | undefined;
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
    if (previous.peer !== instance.peer) return this.#reopen();
    if (previous.id === instance.id && previous.generation === instance.generation && state !== 'impostor') return;
    if (state === 'impostor') return this.#reopen();
    // A process started on this address, or came to light: nothing from here on is known until it says who it is.
    this.#subchannel?.getRealSubchannel().resetBackoff();
    if (this.#subchannel?.getConnectivityState() === State.READY) this.#connected();
  }

  close(): void {
    this.#forget();
    this.#subchannel?.removeConnectivityStateListener(this.#onState);
    this.#subchannel?.unref();
    this.#subchannel = undefined;
  }

  resetBackoff(): void {
    this.#subchannel?.getRealSubchannel().resetBackoff();
  }

  #reopen(): void {
    this.close();
    this.#report('connecting');
    this.#open();
  }

  #open(): void {
    const { instance } = this.endpoint;
    const address = parseAddress(instance.address);
    const args = instance.peer > 0 ? this.options.peerArgs : this.options.foreignArgs;
    const subchannel = this.options.createSubchannel('path' in address ? { path: address.path } : { ...address }, args);
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
      this.#report('failed', `no connection in ${CONNECT_MS} ms`);
    });
  }

  readonly #onState = (_: Subchannel, __: State, state: State, ___: number, error?: string): void => {
    this.#forget();
    if (state === State.READY) this.#connected();
    else if (state === State.TRANSIENT_FAILURE) {
      this.#report('failed', error ?? 'connection failed');
      this.#subchannel?.startConnecting();
    } else {
      this.#report('connecting');
      this.#limitConnecting();
      if (state === State.IDLE) this.#subchannel?.startConnecting();
    }
  };

  #connected(): void {
    this.#forget();
    if (this.endpoint.instance.peer === 0) return this.#ready();
    this.#report('verifying');
    // grpc-js tells READY before the subchannel can take a call.
    const epoch = this.#epoch;
    process.nextTick(() => void this.#verify(epoch));
  }

  async #verify(epoch: number): Promise<void> {
    if (epoch !== this.#epoch || !this.#subchannel) return;
    const result = await this.#ask(this.#subchannel);
    if (epoch !== this.#epoch) return;
    if ('hello' in result) {
      if (!this.#isHosted(result.hello.services)) return this.#impostor('it hosts another service or group');
      this.#backoff.reset();
      // First, or a waiting call would be given to it.
      if (result.hello.draining) this.options.balancer().reportDraining(this.endpoint);
      return this.#ready();
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

  #ready(): void {
    const epoch = this.#epoch;
    const isCurrent = () => this.#epoch === epoch;
    this.pick = completePick(new VerifiedSubchannel(this.#subchannel!.getRealSubchannel(), isCurrent));
    this.#report('ready');
  }

  /** Drops the connection, and does not come back until the entry of the address changes. */
  #impostor(found: string): void {
    this.#report('impostor', `the address of the instance answers, but ${found}`);
    this.close();
  }

  /** Whatever was known of the other side no longer holds. */
  #forget(): void {
    this.#epoch += 1;
    this.pick = undefined;
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
  }

  #report(...report: [state: Endpoint['state'], error?: string]): void {
    this.options.balancer().report(this.endpoint, ...report);
  }
}

function completePick(subchannel: Subchannel): experimental.PickResult {
  const { COMPLETE } = experimental.PickResultType;
  return { pickResultType: COMPLETE, subchannel, status: null, onCallStarted: null, onCallEnded: null };
}

/**
 * A subchannel that counts as READY only on the connection that was verified: call credentials may take long to make,
 * and by then the address may have passed to somebody else.
 */
class VerifiedSubchannel extends experimental.BaseSubchannelWrapper {
  constructor(
    child: Subchannel,
    private readonly isCurrent: () => boolean,
  ) {
    super(child);
  }

  override getConnectivityState(): State {
    return this.isCurrent() ? super.getConnectivityState() : State.IDLE;
  }
}
