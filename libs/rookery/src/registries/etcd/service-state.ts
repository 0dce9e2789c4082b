import type { IEvent, IResponseHeader } from 'etcd3';
import type { DeleteCause, ServiceChange } from '../../core/change.js';
import { sameInstance, type ServiceInstance } from '../../core/instance.js';
import { parseRoute, sameRoute, type GroupRoute } from '../../core/route.js';
import type { MalformedReport } from './context.js';
import { decodeEntry } from './entry.js';
import type { KeyKind, Layout } from './layout.js';
import type { Listing } from './list.js';
import { keyValue, type KeyValue } from './requests.js';

/** What stands at one key; without an instance where no value of it could be read. */
interface Known {
  readonly id: string;
  readonly instance: ServiceInstance | undefined;
  readonly modRevision: number;
  readonly createRevision: number;
}

/** One event, read. */
interface Step {
  readonly kind: KeyKind;
  readonly key: string;
  readonly modRevision: number;
  /** What was put; absent where the key was deleted. */
  readonly found?: KeyValue;
}

/** What a watcher knows of a service, key by key, and up to which revision: enough to go on after a break. */
export class ServiceState {
  readonly #keys = new Map<string, Known>();
  /** etcd tells each range by itself, so each has its own place in history. */
  readonly #told = new Map<KeyKind, number>();
  readonly #header: IResponseHeader;
  #route: GroupRoute | undefined;

  /** @param previous what was known before, whose good values stay where the new ones are malformed */
  constructor(
    private readonly service: string,
    private readonly layout: Layout,
    private readonly report: MalformedReport,
    { header, revision, found }: Listing,
    previous?: ServiceState,
  ) {
    this.#header = header;
    for (const { kind } of layout.ranges(service)) this.#told.set(kind, revision);
    for (const value of found) {
      const place = layout.parse(service, value.key);
      if (place?.kind === 'routes') this.#route = this.#readRoute(value, previous && previous.#route);
      else if (place) this.#keys.set(value.key, this.#read(place.id, value, previous && previous.#keys.get(value.key)));
    }
  }

  /** The first revision of a range that we have not seen. */
  next(kind: KeyKind): number {
    return (this.#told.get(kind) ?? 0) + 1;
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
    const oldest = [...this.#keys.values()].sort((a, b) => a.createRevision - b.createRevision);
    const instances = new Map<string, ServiceInstance>();
    for (const { id } of oldest) {
      const instance = this.#shown(id);
      if (instance) instances.set(id, instance);
    }
    return { type: 'reset', instances: [...instances.values()], route: this.#route };
  }

  /** The events that we do not know yet. */
  read(events: readonly IEvent[]): Step[] {
    return events.flatMap((event) => {
      const value = keyValue(event.kv);
      const kind = this.layout.parse(this.service, value.key)?.kind;
      if (!kind || value.modRevision < this.next(kind)) return [];
      return [{ kind, key: value.key, modRevision: value.modRevision, ...(event.type === 'Put' && { found: value }) }];
    });
  }

  /**
   * Where instances may stand now that were deleted without a word of leaving: a change of group moves the key, and
   * etcd may tell of the deletion first.
   */
  unexplained(steps: readonly Step[]): string[] {
    const last = new Map<string, ServiceInstance | undefined>();
    return steps.flatMap(({ kind, key, found }) => {
      if (kind === 'routes') return [];
      const known = this.#keys.get(key);
      const before = last.has(key) ? last.get(key) : known?.instance;
      last.set(key, found && this.#read('', found, known).instance);
      const twin = found ? undefined : this.layout.twin(this.service, key);
      // It may have moved there and back by now.
      return twin !== undefined && !this.#keys.has(twin) && before?.status === 'up' ? [key, twin] : [];
    });
  }

  /**
   * Takes over events, and what stands now where deletions were unexplained.
   * @returns what they change
   */
  fold(steps: readonly Step[], standing: readonly KeyValue[]): ServiceChange[] {
    const found = new Map(standing.map((value) => [value.key, value]));
    const changes = steps.flatMap((step) =>
      step.kind === 'routes' ? this.#setRoute(step) : this.#setEntry(step, found),
    );
    for (const { kind, modRevision } of steps) this.#told.set(kind, Math.max(modRevision, this.#told.get(kind) ?? 0));
    return changes;
  }

  #setEntry({ key, modRevision, found }: Step, standing: ReadonlyMap<string, KeyValue>): ServiceChange[] {
    const id = this.layout.parse(this.service, key)?.id ?? '';
    const known = this.#keys.get(key);
    // Looked up ahead of its event.
    if (known && known.modRevision >= modRevision) return [];
    const before = this.#shown(id);
    if (found) this.#keys.set(key, this.#read(id, found, known));
    else {
      this.#keys.delete(key);
      for (const place of [key, this.layout.twin(this.service, key) ?? key]) {
        const value = standing.get(place);
        if (value && !this.#keys.has(place)) this.#keys.set(place, this.#read(id, value, known));
      }
    }
    const after = this.#shown(id);
    if (after) return before && sameInstance(before, after) ? [] : [{ type: 'set', instance: after }];
    const cause: DeleteCause = before?.status === 'draining' ? 'left' : 'lost';
    return before ? [{ type: 'delete', id, cause }] : [];
  }

  #setRoute({ found }: Step): ServiceChange[] {
    const before = this.#route;
    this.#route = found && this.#readRoute(found, before);
    return sameRoute(before, this.#route) ? [] : [{ type: 'route', route: this.#route }];
  }

  /** The newer of the two keys that an id can have. */
  #shown(id: string): ServiceInstance | undefined {
    const [services, groups] = this.layout.ranges(this.service);
    const one = this.#keys.get(services.key + id);
    const two = this.#keys.get(groups.key + id);
    const [older, newer] = (one?.modRevision ?? 0) < (two?.modRevision ?? 0) ? [one, two] : [two, one];
    return newer?.instance ?? older?.instance;
  }

  #read(id: string, value: KeyValue, known: Known | undefined): Known {
    const { key, modRevision, createRevision } = value;
    try {
      const { instance } = decodeEntry(key, this.service, id, value.value);
      return { id, instance, modRevision, createRevision };
    } catch (error) {
      this.report(key, modRevision, error);
      return { id, instance: known?.instance, modRevision, createRevision };
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
