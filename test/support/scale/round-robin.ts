import { connectivityState, experimental, Metadata } from '@grpc/grpc-js';
import { SubchannelStub } from '../subchannel-stub.js';
import { addressOf } from './entries.js';
import type { PickCost } from './pick.js';
import { medianOf, round } from './quantile.js';

const PICKS = 2000;
const RUNS = 300;
const UPDATES = 5;

/**
 * The policy of grpc-js itself, over subchannels that are READY at once and do nothing. It knows no weights: what a change
 * costs there is the whole list that its resolver has to give it.
 */
export function measureRoundRobin(instances: number): PickCost {
  let picker: experimental.Picker | undefined;
  const policy = new experimental.ChildLoadBalancerHandler({
    createSubchannel: (address) => new ReadySubchannel(experimental.subchannelAddressToString(address)) as never,
    updateState: (_state, given) => (picker = given),
    requestReresolution: () => {},
    addChannelzChild: () => {},
    removeChannelzChild: () => {},
  });
  const config = experimental.selectLbConfigFromList([{ round_robin: {} }])!;
  const list = Array.from({ length: instances }, (_, n) => {
    const [host, port] = addressOf(n).split(':');
    return { addresses: [{ host: host!, port: Number(port) }] };
  });
  const update = () => policy.updateAddressList(experimental.statusOrFromValue(list), config, {}, '');
  update();
  const metadata = new Metadata();
  const pickNs =
    medianOf(RUNS, () => {
      for (let i = 0; i < PICKS; i += 1) picker!.pick({ metadata, extraPickInfo: {} });
    }) / PICKS;
  const reweighNs = medianOf(UPDATES, update);
  policy.destroy();
  return { pickNs: round(pickNs), reweighNs: round(reweighNs) };
}

class ReadySubchannel extends SubchannelStub {
  getConnectivityState = () => connectivityState.READY;
  addConnectivityStateListener = () => {};
  removeConnectivityStateListener = () => {};
  startConnecting = () => {};
}
