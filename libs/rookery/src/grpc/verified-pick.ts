import { connectivityState as State, experimental } from '@grpc/grpc-js';

type Subchannel = experimental.SubchannelInterface;

export interface VerifiedPickOptions {
  /** Whether it still is the connection that was verified. */
  readonly isCurrent: () => boolean;
  readonly onStarted: () => void;
  readonly onEnded: () => void;
}

/** What a pick hands to grpc-js: one object for all calls over a connection. */
export function verifiedPick(subchannel: Subchannel, options: VerifiedPickOptions): experimental.PickResult {
  return {
    pickResultType: experimental.PickResultType.COMPLETE,
    subchannel: new VerifiedSubchannel(subchannel, options.isCurrent),
    status: null,
    onCallStarted: options.onStarted,
    onCallEnded: options.onEnded,
  };
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
