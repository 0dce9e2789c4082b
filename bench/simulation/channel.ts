import type { BalancerName } from 'rookery/core';
import type { channelOptions } from 'rookery/grpc';
import {
  channelBalancer,
  type ChannelBalancer,
  type Picked,
  type ScaleCall,
} from '../../test/support/scale/channel-balancer.js';
import { chance } from './chance.js';
import { SERVICE, type Fleet } from './fleet.js';
import { Link, type Report } from './link.js';
import { RoundRobin } from './round-robin.js';
import type { VirtualTime } from './virtual-time.js';

/** A way to balance that is compared. */
export interface Subject {
  readonly name: string;
  /** What a client of Rookery says; absent where it is `round_robin` of grpc-js. */
  readonly options?: BalancingOptions;
}

type BalancingOptions = { readonly balancer: BalancerName; readonly warmUpMs?: number };

export const ROUND_ROBIN: Subject = { name: 'round_robin' };

/** Those of Rookery have every other option as it is by default. */
export const SUBJECTS: readonly Subject[] = [
  ROUND_ROBIN,
  { name: 'weighted', options: { balancer: 'weighted' } },
  { name: 'p2c', options: { balancer: 'p2c' } },
  { name: 'least-request', options: { balancer: 'least-request' } },
  { name: 'consistent-hash', options: { balancer: 'consistent-hash' } },
];

export type Directory = Parameters<typeof channelOptions>[0];

/** Who a client asks where its calls go, and its connections. */
export interface Channel extends Pick<ChannelBalancer, 'pick' | 'callStarted' | 'callEnded' | 'close'> {
  link(address: string): Link;
}

export interface ChannelParts {
  readonly time: VirtualTime;
  readonly fleet: Fleet;
  readonly directory: Directory;
  readonly seed: number;
  /** Which client it is. */
  readonly client: number;
  readonly zone?: string | undefined;
  /** Calls that wait could fare differently. */
  readonly changed: () => void;
}

export function openChannel({ options }: Subject, parts: ChannelParts): Channel {
  return options ? rookeryChannel(options, parts) : new RoundRobinChannel(parts);
}

function openLink({ fleet, time, seed, client }: ChannelParts, address: string, report: Report): Link {
  // The same for whoever is compared.
  return new Link(fleet.at(address), time, chance(seed, 'link', client, address), report);
}

function rookeryChannel(balancing: BalancingOptions, parts: ChannelParts): Channel {
  const { directory, time, seed, client, zone, changed } = parts;
  const links = new Map<string, Link>();
  const random = chance(seed, 'balancer', client);
  const options = { ...balancing, time, random, emit: () => {}, ...(zone !== undefined && { zone }) };
  const channel = channelBalancer(directory, SERVICE, options, (endpoint) => {
    const { address } = endpoint.instance;
    const link = openLink(parts, address, (state) => channel.report(endpoint, state, 'no answer to Hello'));
    links.set(address, link);
    return link;
  });
  channel.onChange(changed);
  return {
    pick: (call) => channel.pick(call),
    callStarted: (endpoint, call) => channel.callStarted(endpoint, call),
    callEnded: (endpoint, call, outcome) => channel.callEnded(endpoint, call, outcome),
    close: () => channel.close(),
    link: (address) => links.get(address)!,
  };
}

/** As with a resolver that gives grpc-js what our directory knows, and nothing else of ours: no ejection, no retries. */
class RoundRobinChannel implements Channel {
  readonly #links = new Map<string, Link>();
  readonly #ready = new Set<string>();
  readonly #endpoints = new Map<string, Picked>();
  readonly #policy: RoundRobin;
  readonly #subscription: Disposable;

  constructor(private readonly parts: ChannelParts) {
    const { seed, client, directory } = parts;
    this.#policy = new RoundRobin(chance(seed, 'balancer', client), (address) => this.#ready.has(address));
    this.#subscription = directory.subscribe(SERVICE, () => this.#follow());
    this.#follow();
  }

  pick(): { readonly pick?: Picked; readonly wait?: boolean } {
    const address = this.#policy.pick();
    return address === undefined ? { wait: true } : { pick: this.#endpoints.get(address)! };
  }

  callStarted(_endpoint: Picked, call: ScaleCall): void {
    call.attempts += 1;
  }

  callEnded(): boolean {
    return false;
  }

  close(): void {
    this.#subscription[Symbol.dispose]();
    for (const link of this.#links.values()) link.close();
  }

  link(address: string): Link {
    return this.#links.get(address)!;
  }

  #follow(): void {
    const view = this.parts.directory.view(SERVICE);
    if (view.status !== 'known') return;
    const serving = [...view.instances.values()].filter(({ status }) => status === 'up');
    for (const instance of serving) {
      const { address } = instance;
      this.#endpoints.set(address, { instance });
      if (this.#links.has(address)) continue;
      const link = openLink(this.parts, address, () => this.#connected(address));
      this.#links.set(address, link);
    }
    this.#policy.update(serving.map(({ address }) => address));
    this.parts.changed();
  }

  /** It asks nobody who he is, or whether he is there: READY is READY. */
  #connected(address: string): void {
    this.#ready.add(address);
    this.#policy.refresh();
    this.parts.changed();
  }
}
