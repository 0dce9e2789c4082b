import type { ServiceChange } from '../../core/change.js';
import type { MalformedReport } from '../entry/malformed-report.js';
import type { Connection } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import { Feed } from './feed.js';
import { isFault } from './protocol.js';
import type { Lent, Reader } from './reader.js';
import { getChildren, getData } from './requests.js';
import { ServiceState, type Reading } from './service-state.js';

/** Entries that are asked for together: ZooKeeper holds up who has a thousand requests under way. */
const TOGETHER = 250;

type Batch = readonly ServiceChange[];

/** What was read at both places of an entry, and the moment of the feed when that was asked for. */
interface EntryReading {
  readonly id: string;
  readonly readings: readonly [Reading, Reading];
  readonly asked: number;
}

/** Watches services. */
export class ServiceWatcher {
  /** What was known where a watch broke: its last good values outlive it. */
  readonly #broken = new Map<string, ServiceState>();

  constructor(
    private readonly context: ZooKeeperContext,
    private readonly reader: Reader,
    private readonly report: MalformedReport,
  ) {}

  /** Ends when the signal aborts, throws on any fault. */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<Batch, void> {
    if (signal.aborted) return;
    let lent: Lent | undefined;
    try {
      lent = await unlessAborted(this.reader.borrow(), signal);
      if (!lent) return;
      yield* this.#follow(service, lent, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await lent?.[Symbol.asyncDispose]();
    }
  }

  async *#follow(service: string, lent: Lent, signal: AbortSignal): AsyncGenerator<Batch, void> {
    const { connection } = lent;
    const { layout } = this.context;
    const feed = new Feed(service, layout);
    let failure: Error | undefined;
    void connection.closed.then((reason) => {
      failure = reason;
      feed.wake.call();
    });
    connection.listeners.add(feed.tell);
    let known = this.#broken.get(service);
    const state = new ServiceState(service, layout, this.report, known);
    this.#broken.delete(service);
    try {
      // Watched before it is read: what happens meanwhile is told, and read again.
      await Promise.all([...layout.folders(service), layout.routePath(service)].map((path) => lent.watch(path)));
      await this.#list(connection, feed, state);
      const all = state.reset();
      known = state;
      yield [all];
      for (;;) {
        await feed.wake.wait(signal);
        if (signal.aborted) return;
        if (failure) throw failure;
        const changes = await this.#read(connection, feed, state, feed.take());
        if (changes.length > 0) yield changes;
      }
    } catch (error) {
      // What has not been read whole knows less than what was known before.
      if (known) this.#broken.set(service, known);
      throw error;
    } finally {
      connection.listeners.delete(feed.tell);
    }
  }

  async #list(connection: Connection, feed: Feed, state: ServiceState): Promise<void> {
    const { layout } = this.context;
    const names = await Promise.all(layout.folders(state.service).map((folder) => getChildren(connection, folder)));
    await this.#read(connection, feed, state, { ids: [...new Set(names.flat())], route: true });
  }

  /** Both places of each entry: a change of group moves it in one step, which is told as two. */
  async #read(
    connection: Connection,
    feed: Feed,
    state: ServiceState,
    { ids, route }: { readonly ids: readonly string[]; readonly route: boolean },
  ): Promise<ServiceChange[]> {
    const changes: ServiceChange[] = [];
    const { layout } = this.context;
    const service = state.service;
    if (route) changes.push(...state.setRoute(await reading(connection, layout.routePath(service))));
    for (let from = 0; from < ids.length; from += TOGETHER) {
      const some = ids.slice(from, from + TOGETHER);
      const asked = feed.moment;
      const readings = await Promise.all(
        some.map((id) => {
          const [services, groups] = layout.places(service, id);
          return Promise.all([reading(connection, services), reading(connection, groups)]);
        }),
      );
      for (const [i, id] of some.entries())
        changes.push(...this.#fold(feed, state, { id, readings: readings[i]!, asked }));
    }
    return changes;
  }

  #fold(feed: Feed, state: ServiceState, { id, readings, asked }: EntryReading): ServiceChange[] {
    // The two were not read at one moment: what has moved meanwhile may be missed at both, and is read again.
    if (feed.isDue(id) && readings.every((one) => one === undefined)) return [];
    const left = this.context.layout.places(state.service, id).map((path, i) => {
      if (readings[i] === undefined) return feed.gone(path, asked);
      feed.read(path, asked);
      return false;
    });
    return state.setEntry(id, readings, left.includes(true));
  }
}

/** What may not be read is bad data; every other fault is one of the connection. */
async function reading(connection: Connection, path: string): Promise<Reading> {
  try {
    return await getData(connection, path);
  } catch (error) {
    if (error instanceof Error && isFault(error, 'NoAuth')) return error;
    throw error;
  }
}

/** What is lent when nobody waits for it any more is given back. */
async function unlessAborted(borrowed: Promise<Lent>, signal: AbortSignal): Promise<Lent | undefined> {
  let abort!: () => void;
  const aborted = new Promise<undefined>((resolve) => (abort = () => resolve(undefined)));
  signal.addEventListener('abort', abort, { once: true });
  try {
    const lent = await Promise.race([borrowed, aborted]);
    if (!lent || signal.aborted) {
      borrowed.then((late) => late[Symbol.asyncDispose]()).catch(() => {});
      return undefined;
    }
    return lent;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
