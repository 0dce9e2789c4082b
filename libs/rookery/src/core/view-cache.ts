import type { ServiceInstance } from './instance.js';
import type { GroupRoute } from './route.js';
import { within, type Time } from './time.js';
import type { KnownView } from './view.js';

/** What a registry said of a service some time ago. */
export interface ViewSnapshot {
  /** Oldest first. */
  readonly instances: readonly ServiceInstance[];
  readonly route?: GroupRoute | undefined;
  /** How long ago, ms. */
  readonly ageMs: number;
}

/** Keeps views beyond the life of a process. Nothing here throws or rejects: a cache that fails is as good as none. */
export interface ViewCache {
  /** The last snapshot of a service; nothing where there is none that may be used. */
  load(service: string): Promise<ViewSnapshot | undefined>;
  /**
   * The registry said that this is true now: called with every answer of the registry and so cheap, never with what was
   * loaded. The object is the same for as long as nothing changes. Its instances are a live window, and may be read later.
   */
  save(service: string, view: KnownView): void;
  /** Resolves once everything is kept that was saved. */
  flush(): Promise<void>;
}

/** A registry that has said nothing for so long, ms, is answered for by the snapshot; one that refuses is at once. */
const SILENCE_MS = 1000;
/** Nobody waits longer than this for a snapshot to be read, ms. */
const READING_MS = 1000;

/** The start of a watch, until the registry has answered: looks for a snapshot once, and only where it is needed. */
export class ColdStart implements Disposable {
  readonly #timer: Disposable;
  #looking: Promise<void> | undefined;
  #over = false;

  /** @param use takes the snapshot, where there is one and the registry has not answered meanwhile */
  constructor(
    private readonly cache: ViewCache,
    private readonly service: string,
    private readonly time: Time,
    private readonly use: (snapshot: ViewSnapshot) => void,
  ) {
    this.#timer = time.after(SILENCE_MS, () => void this.look());
  }

  /** Resolves when the snapshot is in use, when there is none, or when a slow disk has been waited for long enough. */
  async look(): Promise<void> {
    this.#timer[Symbol.dispose]();
    await within(this.time, READING_MS, (this.#looking ??= this.#look()));
  }

  /** The registry has answered, or the watch is over. */
  [Symbol.dispose](): void {
    this.#over = true;
    this.#timer[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    const snapshot = await this.cache.load(this.service);
    // To know of no instance is worth less than to wait: calls would fail at once.
    if (snapshot && snapshot.instances.length > 0 && !this.#over) this.use(snapshot);
  }
}
