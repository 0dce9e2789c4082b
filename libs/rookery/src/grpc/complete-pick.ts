import { constants } from 'node:http2';
import { connectivityState as State, experimental, type Metadata } from '@grpc/grpc-js';
import type { CallRecord, Outcome } from '../core/call.js';
import type { Time } from '../core/time.js';
import { PREVIOUS_ATTEMPTS, recordOf } from './call-record.js';

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
function observing(subchannel: Subchannel, { time, onStarted, onEnded }: CompletePickOptions): CreateCall {
  return (metadata, host, method, listener) => {
    const call = recordOf(metadata);
    const startedAt = time.now();
    // grpc-js knows nothing of those that did not go through it.
    if (call.attempts > 0) metadata.set(PREVIOUS_ATTEMPTS, `${call.attempts}`);
    // grpc-js commits itself to the first attempt of which it hears anything (gRFC A6), and a server that dies may have
    // sent half of its answer. Nobody sees half of an answer to a unary call, so it can wait for the other half.
    const held: (() => void)[] | undefined = call.idempotent && call.unary ? [] : undefined;
    const pass = (tell: () => void) => (held ? void held.push(tell) : tell());
    const child = subchannel.createCall(metadata, host, method, {
      onReceiveMetadata: (received) => pass(() => listener.onReceiveMetadata(received)),
      onReceiveMessage: (message: unknown) => pass(() => listener.onReceiveMessage(message)),
      onReceiveStatus: (status) => {
        const processed = status.rstCode !== constants.NGHTTP2_REFUSED_STREAM;
        const at = time.now();
        const again = onEnded(call, {
          code: status.code,
          processed,
          pushedBack: status.code === UNAVAILABLE && Number(status.metadata.get(PUSHBACK)[0]) < 0,
          ms: at - startedAt,
          at,
        });
        if (!again) {
          for (const tell of held ?? []) tell();
          call.answered = undefined;
          if (status.code !== UNAVAILABLE) return listener.onReceiveStatus(status);
          return withoutRetry(status.metadata, () => listener.onReceiveStatus(status));
        }
        if (call.processed) call.answered = status;
        listener.onReceiveStatus(status);
      },
    });
    onStarted(call);
    return child;
  };
}

/** What our retry policy names; grpc-js looks no further at any other. */
const UNAVAILABLE = 14;

/** How a server tells a client not to try again (gRFC A6), and how grpc-js is told before it has decided by itself. */
const PUSHBACK = 'grpc-retry-pushback-ms';

function withoutRetry(metadata: Metadata, tell: () => void): void {
  const own = metadata.get(PUSHBACK);
  metadata.set(PUSHBACK, '-1');
  tell();
  metadata.remove(PUSHBACK);
  for (const value of own) metadata.add(PUSHBACK, value);
}
