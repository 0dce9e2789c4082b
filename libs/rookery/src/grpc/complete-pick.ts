import { constants } from 'node:http2';
import { connectivityState as State, experimental } from '@grpc/grpc-js';
import type { CallRecord, Outcome } from '../core/call.js';
import type { Time } from '../core/time.js';
import { recordOf } from './call-record.js';

type Subchannel = ReturnType<experimental.SubchannelInterface['getRealSubchannel']>;
type CreateCall = Subchannel['createCall'];

export interface CompletePickOptions {
  readonly time: Time;
  /** Whether it still is the connection that was verified. */
  readonly isCurrent: () => boolean;
  readonly onStarted: (call: CallRecord) => void;
  /** Before grpc-js hears of it, and so before it picks for another attempt. */
  readonly onEnded: (call: CallRecord, outcome: Outcome) => void;
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
    const child = subchannel.createCall(metadata, host, method, {
      onReceiveMetadata: (received) => listener.onReceiveMetadata(received),
      onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
      onReceiveStatus: (status) => {
        const processed = status.rstCode !== constants.NGHTTP2_REFUSED_STREAM;
        onEnded(call, { code: status.code, processed, ms: time.now() - startedAt });
        listener.onReceiveStatus(status);
      },
    });
    onStarted(call);
    return child;
  };
}
