import { fakeTime } from '../testing/fake-time.js';
import { memory } from '../registries/memory.js';
import { seededRandom } from '../testing/seeded-random.js';
import { createBalancer, type Balancer, type BalancerOptions } from './balancer.js';
import type { CallRecord, Outcome } from './call.js';
import { scriptedDirectory } from './directory.stage.js';
import type { Endpoint, EndpointState } from './endpoint.js';
import type { RookeryEvent } from './event.js';
import { murmur3 } from './hash.js';
import { createInstance, type InstanceInit, type ServiceInstance } from './instance.js';
import type { GroupRoute } from './route.js';

/** A balancer of the service `s` with everything around it in the hands of a spec. */
export class BalancerStage {
  readonly time = fakeTime();
  readonly directory;
  readonly events: RookeryEvent[] = [];
  /** What became of connections: `open a:1`, `changed a:1`, `close a:1`. */
  readonly links: string[] = [];
  /** The ids of instances by whose address a connection is open, or being opened. */
  readonly connected = new Set<string>();
  /** Addresses whose connections are not up. */
  readonly broken = new Set<string>();
  /** Bytes that came from each address. */
  readonly received: Record<string, number | undefined> = {};
  /** Addresses that cannot be made to say something. */
  readonly mute = new Set<string>();
  readonly balancer: Balancer;
  /** What a connection does whose entry has changed. */
  onChanged: (endpoint: Endpoint) => void = () => {};
  /** How often waiting calls were told to try again. */
  changes = 0;

  readonly #seed: number;

  constructor(
    options: Partial<Omit<BalancerOptions, 'service' | 'directory' | 'connect'>> & { readonly seed?: number } = {},
    directory = scriptedDirectory(memory()),
  ) {
    this.directory = directory;
    this.#seed = options.seed ?? 1;
    this.balancer = createBalancer({
      ...options,
      service: 's',
      directory: this.directory,
      connect: ({ address }) => this.#connect(address),
      time: this.time,
      random: seededRandom(this.#seed),
      emit: (event) => this.events.push(event),
    });
    this.balancer.onChange(() => (this.changes += 1));
  }

  /** Ids in the order in which the balancer prefers to connect to them. */
  byRank(ids: Iterable<string>): string[] {
    // The seed is the first thing that it draws.
    const seed = Math.floor(seededRandom(this.#seed)() * 2 ** 32);
    const rank = (id: string) => murmur3(`${id}:1`, seed);
    return [...ids].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  }

  instance(id: string, init: Partial<InstanceInit> = {}): ServiceInstance {
    return createInstance({ id, service: 's', address: `${id}:1`, ...init });
  }

  set(id: string, init?: Partial<InstanceInit>): void {
    this.directory.tell('s', { type: 'set', instance: this.instance(id, init) });
  }

  /** The registry has lost instances, in one answer. */
  lose(...ids: readonly string[]): void {
    this.directory.tell('s', ...ids.map((id) => ({ type: 'delete', id, cause: 'lost' }) as const));
  }

  remove(id: string): void {
    this.directory.tell('s', { type: 'delete', id, cause: 'left' });
  }

  route(route: GroupRoute): void {
    this.directory.tell('s', { type: 'route', route });
  }

  /** Sets instances of a group that are connected. */
  ready(group: string, ...ids: string[]): void {
    for (const id of ids) {
      this.set(id, { group });
      this.report(id, 'ready');
    }
  }

  /** Whatever is being connected is ready. */
  connect(): void {
    for (const id of Array.from(this.connected)) this.report(id, 'ready');
  }

  endpoint(address: string): Endpoint {
    const endpoint = [...this.balancer.endpoints()].find((each) => each.address === address);
    if (!endpoint) throw new Error(`There is no endpoint ${address}.`);
    return endpoint;
  }

  /** The state of a connection, which is up unless it is being made or has failed. */
  report(id: string, state: EndpointState, error?: string): void {
    if (state === 'connecting' || state === 'failed') this.broken.add(`${id}:1`);
    else this.broken.delete(`${id}:1`);
    this.balancer.report(this.endpoint(`${id}:1`), state, error);
  }

  call(init: Partial<CallRecord> = {}): CallRecord {
    return { deadline: Infinity, attempts: 0, ...init };
  }

  /** A call runs on an instance, whoever picked it. */
  start(id: string, call: CallRecord = this.call()): void {
    this.balancer.callStarted(this.endpoint(`${id}:1`), call);
  }

  /** A call has ended there; by default well. Says whether it is to be sent again. */
  end(id: string, outcome: Partial<Outcome> = {}, call: CallRecord = this.call()): boolean {
    return this.balancer.callEnded(this.endpoint(`${id}:1`), call, { code: 0, processed: true, ms: 1, ...outcome });
  }

  /** The id of the instance that takes the call, else `wait`, else the reason why nobody does. */
  pick(call: CallRecord = this.call()): string {
    const result = this.balancer.pick(call);
    return 'pick' in result ? result.pick.instance.id : 'wait' in result ? 'wait' : result.fail.reason;
  }

  /** How many of `count` calls each instance takes. */
  picks(count: number, init: Partial<CallRecord> = {}): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let i = 0; i < count; i += 1) {
      const id = this.pick(this.call(init));
      counts[id] = (counts[id] ?? 0) + 1;
    }
    return counts;
  }

  /** The message of a call that fails. */
  failure(init: Partial<CallRecord> = {}): string {
    const result = this.balancer.pick(this.call(init));
    if (!('fail' in result)) throw new Error('The call did not fail.');
    return result.fail.details;
  }

  #connect(address: string) {
    this.links.push(`open ${address}`);
    const id = address.replace(/:1$/, '');
    this.connected.add(id);
    const { received, broken, mute } = this;
    return {
      instanceChanged: () => {
        this.links.push(`changed ${address}`);
        this.onChanged(this.endpoint(address));
      },
      get connected() {
        return !broken.has(address);
      },
      get received() {
        return address in received ? received[address] : 0;
      },
      prompt: () => !mute.has(address) && this.links.push(`prompt ${address}`) > 0,
      inquire: () => this.links.push(`inquire ${address}`) > 0,
      close: () => {
        this.connected.delete(id);
        this.links.push(`close ${address}`);
      },
    };
  }
}
