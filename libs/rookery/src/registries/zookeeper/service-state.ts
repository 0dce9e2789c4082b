import type { ServiceChange } from '../../core/change.js';
import { sameInstance, type ServiceInstance } from '../../core/instance.js';
import { parseRoute, sameRoute, type GroupRoute } from '../../core/route.js';
import type { MalformedReport } from '../entry/malformed-report.js';
import { decodeEntry } from '../entry/entry.js';
import type { Layout } from './layout.js';
import type { Found } from './requests.js';

/** What stands at one path; without an instance where no value of it could be read. */
interface Known {
  readonly instance: ServiceInstance | undefined;
  readonly mzxid: bigint;
  readonly czxid: bigint;
}

/** What was read at a path: what stands there, nothing, or why it cannot be read. */
export type Reading = Found | undefined | Error;

/** What a watcher knows of a service, path by path. */
export class ServiceState {
  readonly #paths = new Map<string, Known>();
  #route: GroupRoute | undefined;
  #previous: ServiceState | undefined;

  /** @param previous what was known before, whose good values stay where the new ones are malformed */
  constructor(
    readonly service: string,
    private readonly layout: Layout,
    private readonly report: MalformedReport,
    previous?: ServiceState,
  ) {
    this.#previous = previous;
  }

  /** Everything, oldest first. What was known before this state is needed no longer. */
  reset(): ServiceChange {
    this.#previous = undefined;
    const ids = new Map<string, bigint>();
    for (const [path, { czxid }] of this.#paths) {
      const id = this.layout.idOf(this.service, path) ?? '';
      const older = ids.get(id);
      ids.set(id, older !== undefined && older < czxid ? older : czxid);
    }
    const oldest = [...ids].sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
    const instances = oldest.map(([id]) => this.#shown(id)).filter((instance) => instance !== undefined);
    return { type: 'reset', instances, route: this.#route };
  }

  /**
   * Takes over what stands at both places of an entry.
   * @param leaving it was written and deleted before anybody could read what was written: that is how an owner leaves
   */
  setEntry(id: string, readings: readonly [Reading, Reading], leaving = false): ServiceChange[] {
    const before = this.#shown(id);
    const places = this.layout.places(this.service, id);
    for (const [i, path] of places.entries()) this.#take(id, path, readings[i]);
    const after = this.#shown(id);
    if (after) return before && sameInstance(before, after) ? [] : [{ type: 'set', instance: after }];
    if (!before) return [];
    const stands = places.some((path) => this.#paths.has(path));
    return [{ type: 'delete', id, cause: before.status === 'draining' || (leaving && !stands) ? 'left' : 'lost' }];
  }

  setRoute(reading: Reading): ServiceChange[] {
    const before = this.#route;
    this.#route = this.#readRoute(reading, before ?? (this.#previous && this.#previous.#route));
    return sameRoute(before, this.#route) ? [] : [{ type: 'route', route: this.#route }];
  }

  #take(id: string, path: string, reading: Reading): void {
    const known = this.#paths.get(path) ?? (this.#previous && this.#previous.#paths.get(path));
    if (reading === undefined) this.#paths.delete(path);
    else if (reading instanceof Error) {
      this.report(path, 0, reading);
      if (known) this.#paths.set(path, known);
    } else if (reading.mzxid !== this.#paths.get(path)?.mzxid) this.#paths.set(path, this.#read(id, reading, known));
  }

  /** The newer of the two places that an id can have. */
  #shown(id: string): ServiceInstance | undefined {
    const [one, two] = this.layout.places(this.service, id).map((path) => this.#paths.get(path));
    const [older, newer] = (one?.mzxid ?? 0n) < (two?.mzxid ?? 0n) ? [one, two] : [two, one];
    return newer?.instance ?? older?.instance;
  }

  #read(id: string, { path, data, mzxid, czxid }: Found, known: Known | undefined): Known {
    try {
      return { instance: decodeEntry(path, this.service, id, data).instance, mzxid, czxid };
    } catch (error) {
      this.report(path, Number(mzxid), error);
      return { instance: known?.instance, mzxid, czxid };
    }
  }

  #readRoute(reading: Reading, known: GroupRoute | undefined): GroupRoute | undefined {
    if (reading === undefined) return undefined;
    const path = this.layout.routePath(this.service);
    try {
      if (reading instanceof Error) throw reading;
      return parseRoute(reading.data.toString(), path);
    } catch (error) {
      this.report(path, reading instanceof Error ? 0 : Number(reading.mzxid), error);
      return known;
    }
  }
}
