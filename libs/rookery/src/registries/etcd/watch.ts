import type { ServiceChange } from '../../core/change.js';
import type { EtcdContext } from './context.js';
import type { MalformedReport } from '../entry/malformed-report.js';
import { isCompacted } from './faults.js';
import { list } from './list.js';
import { chunks, get, keyValue, watchFrom, type KeyValue } from './requests.js';
import { ServiceState } from './service-state.js';
import { limited } from '../entry/wait.js';
import { WatchStream } from './watch-stream.js';

/** Everything is listed anew after about this long, ms: etcd's changelog knows of events that it lost. */
const VERIFY_MS = 300_000;
/**
 * A watch that goes on where another broke is verified sooner, ms. An etcd that has lost its data may have counted up to
 * the revision that we know, or beyond, by the time we ask: nothing it says tells that history from ours. And where
 * history was compacted up to that very revision, etcd before 3.4.36 leaves the deletions of it out (etcd#18089).
 * Later by up to 1 ms for each instance, so that a large fleet does not list all at once.
 */
const VERIFY_RESUMED_MS = 3000;
const SPREAD_MS = 12_000;

/** A watch that breaks sooner than this, ms, is not just opened again: whoever reads it waits between two tries. */
const STEADY_MS = 2000;

type Batch = readonly ServiceChange[];

/** Watches services, and remembers where a watch broke, so that the next one goes on from there. */
export class ServiceWatcher {
  readonly #broken = new Map<string, ServiceState>();

  constructor(
    private readonly context: EtcdContext,
    private readonly report: MalformedReport,
  ) {}

  /** Ends when the signal aborts, throws on any fault. */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<Batch, void> {
    // Taken out, so that a second watch of the same service has its own.
    let state = this.#broken.get(service);
    this.#broken.delete(service);
    let listed = false;
    try {
      while (!signal.aborted) {
        if (!state) {
          state = await this.#list(service);
          listed = true;
          yield [state.reset()];
        }
        const end = yield* this.#follow(state, listed, signal);
        if (end === 'over') return;
        listed = false;
        if (end === 'resume') continue;
        state = await this.#list(service, state);
        listed = true;
        yield [state.reset()];
      }
    } catch (error) {
      if (signal.aborted) return;
      if (state) this.#broken.set(service, state);
      throw error;
    }
  }

  /** What etcd tells from where `state` ends, until it has to be listed anew. */
  async *#follow(
    state: ServiceState,
    listed: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Batch, 'over' | 'list' | 'resume'> {
    const { client, time, random } = this.context;
    const requests = state.keys.ranges.map((range) => watchFrom(range, state.next(range)));
    const doubted = new AbortController();
    const end = AbortSignal.any([signal, doubted.signal]);
    using until = limited(end, time, VERIFY_MS * (0.8 + 0.4 * random()));
    const doubtMs = VERIFY_RESUMED_MS + Math.min(SPREAD_MS, state.size) * random();
    using _doubt = listed ? undefined : time.after(doubtMs, () => doubted.abort());
    let watch: WatchStream | undefined;
    let openAt = Infinity;
    try {
      const opened = await WatchStream.open(client, time, requests, until.signal);
      watch = opened.watch;
      openAt = time.now();
      if (!listed && !signal.aborted) {
        if (!opened.header || !state.continues(opened.header)) return 'list';
        yield [state.reset()];
      }
      for (;;) {
        const response = await watch.next();
        if (!response) return signal.aborted ? 'over' : 'list';
        const steps = state.read(response.events);
        const changes = state.fold(steps, await this.#find(state.unexplained(steps)));
        if (changes.length > 0) yield changes;
      }
    } catch (error) {
      if (isCompacted(error)) return 'list';
      // Other hosts go on where this one stopped, and nobody need hear of it.
      if (client.hosts > 1 && time.now() - openAt > STEADY_MS && !signal.aborted) return 'resume';
      throw error;
    } finally {
      watch?.close();
    }
  }

  async #list(service: string, previous?: ServiceState): Promise<ServiceState> {
    const { client, layout } = this.context;
    const keys = previous?.keys ?? layout.keysOf(service);
    return new ServiceState(service, keys, this.report, await list(client, keys.ranges), previous);
  }

  async #find(keys: readonly string[]): Promise<KeyValue[]> {
    const found: KeyValue[] = [];
    for (const some of chunks(keys)) {
      const { responses } = await this.context.client.txn({ success: some.map(get) });
      found.push(...responses.flatMap(({ response_range }) => response_range.kvs.map(keyValue)));
    }
    return found;
  }
}
