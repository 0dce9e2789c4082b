import { constants } from 'node:http2';
import { connectivityState as State, experimental, type Metadata } from '@grpc/grpc-js';
import type { CallRecord, Outcome } from '../core/call.js';
import type { Time } from '../core/time.js';
import { PREVIOUS_ATTEMPTS, recordOf, type GrpcCall } from './call-record.js';

type Subchannel = ReturnType<experimental.SubchannelInterface['getRealSubchannel']>;
type CreateCall = Subchannel['createCall'];

export interface CompletePickOptions {
  readonly time: Time;
  /** Whether it still is the connection that was verified. */
  readonly isCurrent: () => boolean;
  readonly onStarted: (call: CallRecord) => void;
  /** Before grpc-js hears of it, and so before it picks for another attempt; says whether there may be one. */
  readonly onEnded: (call: CallRecord, outcome: Outcome) => boolean;
}

/** What a pick hands to grpc-js: one object for all calls over a connection. */
export function completePick(subchannel: Subchannel, options: CompletePickOptions): experimental.PickResult {
  return {
    pickResultType: experimental.PickResultType.COMPLETE,
    subchannel: new PickedSubchannel(subchannel, options),
    status: null,
    onCallStarted: null,
    onCallEnded: null,
  };
}

/**
 * A subchannel that counts as READY only on the connection that was verified: call credentials may take long to make,
 * and by then the address may have passed to somebody else.
 */
class PickedSubchannel extends experimental.BaseSubchannelWrapper {
  readonly #observed: Subchannel;

  constructor(
    child: Subchannel,
    private readonly options: CompletePickOptions,
  ) {
    super(child);
    this.#observed = Object.create(child, { createCall: { value: observing(child, options) } }) as Subchannel;
  }

  override getConnectivityState(): State {
    return this.options.isCurrent() ? super.getConnectivityState() : State.IDLE;
  }

  /** grpc-js starts calls on what this returns. */
  override getRealSubchannel(): Subchannel {
    return this.#observed;
  }
}

/**
 * Starts calls, and tells what becomes of them. A pick's own `onCallEnded` comes too late, after the pick of the next
 * attempt, and does not tell a stream that the server refused from an answer with the same words.
 */
function observing(subchannel: Subchannel, options: CompletePickOptions): CreateCall {
  return (metadata, host, method, listener) => {
    const call = recordOf(metadata);
    // grpc-js knows nothing of those that did not go through it.
    if (call.resent) metadata.set(PREVIOUS_ATTEMPTS, `${call.resent}`);
    const child = subchannel.createCall(metadata, host, method, new ObservedCall(call, listener, options));
    options.onStarted(call);
    return child;
  };
}

type Listener = Parameters<CreateCall>[3];

/** Hears of one attempt before grpc-js does. */
class ObservedCall implements Listener {
  readonly #startedAt: number;
  #held: (() => void)[] | undefined;

  constructor(
    private readonly call: GrpcCall,
    private readonly listener: Listener,
    private readonly options: CompletePickOptions,
  ) {
    this.#startedAt = options.time.now();
    // grpc-js commits itself to the first attempt of which it hears anything (gRFC A6), and a server that dies may have
    // sent half of its answer. Nobody sees half of an answer to a unary call, so it can wait for the other half.
    if (call.idempotent && call.unary) this.#held = [];
  }

  onReceiveMetadata(received: Metadata): void {
    if (this.#held) this.#held.push(() => this.listener.onReceiveMetadata(received));
    else this.listener.onReceiveMetadata(received);
  }

  onReceiveMessage(message: unknown): void {
    if (this.#held) this.#held.push(() => this.listener.onReceiveMessage(message));
    else this.listener.onReceiveMessage(message);
  }

  onReceiveStatus(status: Parameters<Listener['onReceiveStatus']>[0]): void {
    const { call, listener, options } = this;
    const at = options.time.now();
    const { code } = status;
    const again = options.onEnded(call, {
      code,
      processed: status.rstCode !== constants.NGHTTP2_REFUSED_STREAM,
      pushedBack: code === UNAVAILABLE && Number(status.metadata.get(PUSHBACK)[0]) < 0,
      ms: at - this.#startedAt,
      at,
    });
    if (again) {
      if (call.processed) call.answered = status;
      return listener.onReceiveStatus(status);
    }
    for (const tell of this.#held ?? []) tell();
    call.answered = undefined;
    if (code !== UNAVAILABLE) return listener.onReceiveStatus(status);
    withoutRetry(status.metadata, () => listener.onReceiveStatus(status));
  }
}

/** What our retry policy names; grpc-js looks no further at any other. */
const UNAVAILABLE = 14;

/** How a server tells a client not to try again (gRFC A6), and how grpc-js is told before it has decided by itself. */
export const PUSHBACK = 'grpc-retry-pushback-ms';

function withoutRetry(metadata: Metadata, tell: () => void): void {
  const own = metadata.get(PUSHBACK);
  metadata.set(PUSHBACK, '-1');
  tell();
  metadata.remove(PUSHBACK);
  for (const value of own) metadata.add(PUSHBACK, value);
}
