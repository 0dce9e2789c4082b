import type { IEvent, IResponseHeader } from 'etcd3';
import type { DeleteCause, ServiceChange } from '../../core/change.js';
import { sameInstance, type ServiceInstance } from '../../core/instance.js';
import { parseRoute, sameRoute, type GroupRoute } from '../../core/route.js';
import { Precedence } from '../precedence.js';
import type { MalformedReport } from '../entry/malformed-report.js';
import type { Place, ReadRange, ServiceKeys } from './layout.js';
import type { Listing } from './list.js';
import { keyValue, type KeyValue } from './requests.js';

/** What stands at one key; without an instance where no value of it could be read. */
interface Known {
  readonly place: Place;
  readonly instance: ServiceInstance | undefined;
  readonly modRevision: number;
  readonly createRevision: number;
}

/** One event, read. */
interface Step {
  readonly place: Place;
  readonly key: string;
  readonly modRevision: number;
  /** What was put; absent where the key was deleted. */
  readonly found?: KeyValue;
}

/** What a watcher knows of a service, key by key, and up to which revision: enough to go on after a break. */
export class ServiceState {
  readonly #keys = new Map<string, Known>();
  /** etcd tells each range by itself, so each has its own place in history. */
  readonly #told = new Map<ReadRange, number>();
  readonly #header: IResponseHeader;
  /** Only where several dialects are read: of one, everything counts. */
  readonly #precedence: Precedence | undefined;
  #route: GroupRoute | undefined;

  /** @param previous what was known before, whose good values stay where the new ones are malformed */
  constructor(
    private readonly service: string,
    readonly keys: ServiceKeys,
    private readonly report: MalformedReport,
    { header, revision, found }: Listing,
    previous?: ServiceState,
  ) {
    this.#header = header;
    for (const range of keys.ranges) this.#told.set(range, revision);
    for (const value of found) {
      const place = keys.parse(value.key);
      if (place && !place.range.dialect) this.#route = this.#readRoute(value, previous && previous.#route);
      else if (place) this.#keys.set(value.key, this.#read(place, value, previous && previous.#keys.get(value.key)));
    }
    if (keys.sources > 1) this.#precedence = this.#ranked();
  }

  /** The first revision of a range that we have not seen. */
  next(range: ReadRange): number {
    return (this.#told.get(range) ?? 0) + 1;
  }

  /** Whether etcd, as it introduces itself, has the history that we know. */
  continues({ cluster_id, revision, raft_term }: IResponseHeader): boolean {
    const known = Math.max(...this.#told.values());
    return (
      cluster_id === this.#header.cluster_id &&
      Number(revision) >= known &&
      Number(raft_term) >= Number(this.#header.raft_term)
    );
  }

  /** How many keys there are. */
  get size(): number {
    return this.#keys.size;
  }

  reset(): ServiceChange {
    return this.#precedence?.reset() ?? this.#all(0);
  }

  /** The events that we do not know yet. */
  read(events: readonly IEvent[]): Step[] {
    return events.flatMap((event) => {
      const value = keyValue(event.kv);
      const place = this.keys.parse(value.key);
      if (!place || value.modRevision < this.next(place.range)) return [];
      return [{ place, key: value.key, modRevision: value.modRevision, ...(event.type === 'Put' && { found: value }) }];
    });
  }

  /**
   * Where instances may stand now that were deleted without a word of leaving: a change of group moves the key, and
   * etcd may tell of the deletion first.
   */
  unexplained(steps: readonly Step[]): string[] {
    const last = new Map<string, ServiceInstance | undefined>();
    return steps.flatMap(({ place, key, found }) => {
      if (!place.range.dialect) return [];
      const known = this.#keys.get(key);
      const before = last.has(key) ? last.get(key) : known?.instance;
      last.set(key, found && this.#read(place, found, known).instance);
      const places = this.#places(place);
      // It may have moved there and back by now.
      const isMove = places.length > 1 && places.every((other) => other === key || !this.#keys.has(other));
      return !found && isMove && before?.status === 'up' ? places : [];
    });
  }

  /**
   * Takes over events, and what stands now where deletions were unexplained.
   * @returns what they change
   */
  fold(steps: readonly Step[], standing: readonly KeyValue[]): ServiceChange[] {
    const found = new Map(standing.map((value) => [value.key, value]));
    const changes = steps.flatMap((step) => {
      const { dialect, source } = step.place.range;
      const told = dialect ? this.#setEntry(step, found) : this.#setRoute(step);
      return this.#precedence?.apply(source, told) ?? told;
    });
    for (const { place, modRevision } of steps)
      this.#told.set(place.range, Math.max(modRevision, this.#told.get(place.range) ?? 0));
    return changes;
  }

  #setEntry({ place, key, modRevision, found }: Step, standing: ReadonlyMap<string, KeyValue>): ServiceChange[] {
    const known = this.#keys.get(key);
    // Looked up ahead of its event.
    if (known && known.modRevision >= modRevision) return [];
    const before = this.#shown(place);
    if (found) this.#keys.set(key, this.#read(place, found, known));
    else {
      this.#keys.delete(key);
      for (const other of this.#places(place)) {
        const value = standing.get(other);
        const there = this.keys.parse(other);
        if (value && there && !this.#keys.has(other)) this.#keys.set(other, this.#read(there, value, known));
      }
    }
    const after = this.#shown(place);
    // Where ids stand in values, another key may have the same one.
    const twin =
      before && before.id !== place.id && before.id !== after?.id ? this.#named(before.id, place) : undefined;
    return twin ? [...changed(undefined, after), { type: 'set', instance: twin }] : changed(before, after);
  }

  #named(id: string, { range }: Place): ServiceInstance | undefined {
    const same = [...this.#keys.values()].filter((known) => known.place.range.source === range.source);
    return same.findLast(({ instance }) => instance?.id === id)?.instance;
  }

  #setRoute({ found }: Step): ServiceChange[] {
    const before = this.#route;
    this.#route = found && this.#readRoute(found, before);
    return sameRoute(before, this.#route) ? [] : [{ type: 'route', route: this.#route }];
  }

  /** Everything that one dialect says, oldest first. */
  #all(source: number): ServiceChange {
    const oldest = [...this.#keys.values()].sort((a, b) => a.createRevision - b.createRevision);
    const instances = new Map<string, ServiceInstance>();
    for (const { place } of oldest) {
      const instance = place.range.source === source ? this.#shown(place) : undefined;
      if (instance) instances.set(instance.id, instance);
    }
    return { type: 'reset', instances: [...instances.values()], ...(source === 0 && { route: this.#route }) };
  }

  #ranked(): Precedence {
    const precedence = new Precedence(this.keys.sources);
    for (let source = 0; source < this.keys.sources; source += 1) precedence.apply(source, [this.#all(source)]);
    return precedence;
  }

  #places({ range, id }: Place): string[] {
    return this.keys.places(range.source, id);
  }

  /** The newest of the keys that an id can have in a dialect. */
  #shown(place: Place): ServiceInstance | undefined {
    const known = this.#places(place).flatMap((key) => this.#keys.get(key) ?? []);
    const newest = known.sort((a, b) => b.modRevision - a.modRevision);
    return newest.find(({ instance }) => instance)?.instance;
  }

  #read(place: Place, value: KeyValue, known: Known | undefined): Known {
    const { key, modRevision, createRevision } = value;
    try {
      const entry = place.range.dialect?.decode(key, this.service, place.id, value.value);
      return { place, instance: entry?.instance, modRevision, createRevision };
    } catch (error) {
      this.report(key, modRevision, error);
      return { place, instance: known?.instance, modRevision, createRevision };
    }
  }

  #readRoute(value: KeyValue, known: GroupRoute | undefined): GroupRoute | undefined {
    try {
      return parseRoute(value.value.toString(), value.key);
    } catch (error) {
      this.report(value.key, value.modRevision, error);
      return known;
    }
  }
}

function changed(before: ServiceInstance | undefined, after: ServiceInstance | undefined): ServiceChange[] {
  const shown: ServiceChange[] =
    after && !(before && sameInstance(before, after)) ? [{ type: 'set', instance: after }] : [];
  if (!before || before.id === after?.id) return shown;
  // Where a key names an address, the next process that listens there takes the key over.
  const cause: DeleteCause = after || before.status === 'draining' ? 'left' : 'lost';
  return [...shown, { type: 'delete', id: before.id, cause }];
}
