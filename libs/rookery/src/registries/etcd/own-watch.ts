import { Backoff } from '../../core/backoff.js';
import { pause } from '../../core/time.js';
import type { EtcdContext } from './context.js';
import { chunks, get, keyValue, watchFrom, type KeyValue } from './requests.js';
import { limited, Wake } from '../entry/wait.js';
import { WatchStream } from './watch-stream.js';

/** Own keys are looked at again after about this long, ms, in case etcd lost an event. */
const VERIFY_MS = 300_000;

/** What stood at an own key as of a revision. */
export interface Observation {
  readonly key: string;
  readonly revision: number;
  /** Absent where the key is gone. */
  readonly found?: KeyValue;
  /** It was looked up, not told: at which revision of etcd's, and when we asked, ms. */
  readonly lookedUp?: { readonly asOf: number; readonly askedAt: number };
}

type Observer = (observation: Observation) => void;

/** Watches the keys of one session's own entries: what operators do to them, and whether they are still there. */
export class OwnWatch {
  readonly #observers = new Map<string, { readonly observer: Observer; readonly revision: number }>();
  readonly #wake = new Wake();
  #stream: WatchStream | undefined;

  constructor(
    private readonly context: EtcdContext,
    private readonly signal: AbortSignal,
  ) {}

  start(): void {
    void this.#run();
  }

  /** Tells `observer` of everything that happens to a key after `revision`. */
  add(key: string, revision: number, observer: Observer): void {
    if (this.#observers.has(key)) return;
    this.#observers.set(key, { observer, revision });
    this.#stream?.add(watchFrom({ key }, revision + 1));
    this.#wake.call();
  }

  /** The watch at etcd stays until the stream breaks; nobody hears it. */
  delete(key: string): void {
    this.#observers.delete(key);
  }

  async #run(): Promise<void> {
    const { time, random } = this.context;
    const backoff = new Backoff(random, { baseMs: 200 });
    while (!this.signal.aborted) {
      if (this.#observers.size === 0) {
        await this.#wake.wait(this.signal);
        continue;
      }
      try {
        using until = limited(this.signal, time, VERIFY_MS * (0.8 + 0.4 * random()));
        await this.#follow(until.signal, () => backoff.reset());
      } catch {
        // Whoever registers hears of it: a lease and writes meet the same fault.
      } finally {
        this.#stream?.close();
        this.#stream = undefined;
      }
      await pause(time, backoff.next(), this.signal);
    }
  }

  /** Looks at every key, and then watches from there. */
  async #follow(signal: AbortSignal, onOpen: () => void): Promise<void> {
    const { client, time } = this.context;
    const requests = [];
    const looked = new Set(this.#observers.keys());
    for (const keys of chunks([...looked])) {
      const askedAt = time.now();
      const { header, responses } = await client.txn({ success: keys.map(get) });
      const asOf = Number(header.revision);
      for (const [i, key] of keys.entries()) {
        const kv = responses[i]?.response_range.kvs[0];
        const revision = kv ? Number(kv.mod_revision) : asOf;
        this.#tell({ key, revision, lookedUp: { asOf, askedAt }, ...(kv && { found: keyValue(kv) }) });
        requests.push(watchFrom({ key }, asOf + 1));
      }
    }
    const { watch } = await WatchStream.open(client, time, requests, signal);
    this.#stream = watch;
    // What was added in the meantime.
    for (const [key, { revision }] of this.#observers)
      if (!looked.has(key)) watch.add(watchFrom({ key }, revision + 1));
    onOpen();
    for (let response = await watch.next(); response; response = await watch.next()) {
      for (const { type, kv } of response.events) {
        const value = keyValue(kv);
        this.#tell({ key: value.key, revision: value.modRevision, ...(type === 'Put' && { found: value }) });
      }
    }
  }

  #tell(observation: Observation): void {
    this.#observers.get(observation.key)?.observer(observation);
  }
}
