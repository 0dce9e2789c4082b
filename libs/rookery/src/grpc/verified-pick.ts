import { connectivityState as State, experimental } from '@grpc/grpc-js';

type Subchannel = experimental.SubchannelInterface;

/** What a pick hands to grpc-js: one object for all calls over a connection. */
export function verifiedPick(subchannel: Subchannel, isCurrent: () => boolean): experimental.PickResult {
  const { COMPLETE } = experimental.PickResultType;
  const verified = new VerifiedSubchannel(subchannel, isCurrent);
  return { pickResultType: COMPLETE, subchannel: verified, status: null, onCallStarted: null, onCallEnded: null };
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
