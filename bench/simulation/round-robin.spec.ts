import { connectivityState as State, experimental, Metadata } from '@grpc/grpc-js';
import { seededRandom } from 'rookery/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SubchannelStub } from '../../test/support/subchannel-stub.js';
import { RoundRobin } from './round-robin.js';

type Listener = (subchannel: ManualSubchannel, previous: State, state: State, keepaliveMs: number) => void;

/** In the state that a spec says. */
class ManualSubchannel extends SubchannelStub {
  state = State.IDLE;
  readonly #listeners = new Set<Listener>();

  become(state: State): void {
    const previous = this.state;
    this.state = state;
    for (const listener of Array.from(this.#listeners)) listener(this, previous, state, 0);
  }

  getConnectivityState = () => this.state;
  addConnectivityStateListener = (listener: Listener) => void this.#listeners.add(listener);
  removeConnectivityStateListener = (listener: Listener) => void this.#listeners.delete(listener);
  startConnecting = () => void (this.state === State.IDLE && this.become(State.CONNECTING));
}

/** The policy of grpc-js, over subchannels that it gets from a pool by address. */
class RealPolicy {
  readonly subchannels = new Map<string, ManualSubchannel>();
  #picker: experimental.Picker | undefined;
  readonly #policy = new experimental.ChildLoadBalancerHandler({
    createSubchannel: (address) => this.subchannel(experimental.subchannelAddressToString(address)) as never,
    updateState: (_state, picker) => (this.#picker = picker),
    requestReresolution: () => {},
    addChannelzChild: () => {},
    removeChannelzChild: () => {},
  });

  subchannel(address: string): ManualSubchannel {
    let found = this.subchannels.get(address);
    if (!found) this.subchannels.set(address, (found = new ManualSubchannel(address)));
    return found;
  }

  update(addresses: readonly string[]): void {
    const config = experimental.selectLbConfigFromList([{ round_robin: {} }])!;
    const list = addresses.map((address) => {
      const [host, port] = address.split(':');
      return { addresses: [{ host: host!, port: Number(port) }] };
    });
    this.#policy.updateAddressList(experimental.statusOrFromValue(list), config, {}, '');
  }

  pick(): string | undefined {
    const { subchannel } = this.#picker!.pick({ metadata: new Metadata(), extraPickInfo: {} });
    return subchannel ? (subchannel as unknown as ManualSubchannel).getAddress() : undefined;
  }
}

const ADDRESSES = Array.from({ length: 6 }, (_, i) => `10.0.0.${i + 1}:50051`);

describe('RoundRobin', () => {
  afterEach(() => void vi.restoreAllMocks());

  it.each([1, 2, 3, 4, 5])('picks in the order of the policy of grpc-js, seed %d', (seed) => {
    const random = seededRandom(seed);
    let chance = 0;
    vi.spyOn(Math, 'random').mockImplementation(() => chance);
    const real = new RealPolicy();
    const ours = new RoundRobin(
      () => chance,
      (address) => real.subchannel(address).state === State.READY,
    );
    const update = (addresses: readonly string[]) => {
      chance = random();
      real.update(addresses);
      ours.update(addresses);
    };
    update(ADDRESSES);
    const seen: (string | undefined)[] = [];
    for (let step = 0; step < 500; step += 1) {
      if (random() < 0.2) update(ADDRESSES.filter(() => random() < 0.7).toSorted(() => random() - 0.5));
      const subchannel = real.subchannel(ADDRESSES[Math.floor(random() * ADDRESSES.length)]!);
      subchannel.become(random() < 0.6 ? State.READY : State.IDLE);
      ours.refresh();
      for (let i = 0; i < 4; i += 1) {
        const expected = real.pick();
        seen.push(expected);
        expect(ours.pick(), `seed ${seed}, step ${step}`).toBe(expected);
      }
    }
    expect(new Set(seen).size).toBe(ADDRESSES.length + 1);
  });
});
