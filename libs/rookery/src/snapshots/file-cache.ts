import { messageOf, RookeryError } from '../core/errors.js';
import type { EventSink } from '../core/event.js';
import type { Time } from '../core/time.js';
import type { ViewCache, ViewSnapshot } from '../core/view-cache.js';
import type { KnownView } from '../core/view.js';
import { malformed, unwritable } from './faults.js';
import { SnapshotFolder } from './files.js';
import { decodeSnapshot, encodeSnapshot } from './format.js';
import { checkCacheOptions, type CacheOptions, type CacheSettings } from './options.js';
import { Throttle } from './throttle.js';

/** Between two writes of one service, ms: a fleet that restarts changes a view many times a second. */
const WRITE_EVERY_MS = 5000;
/** What stays as it is is written again when this part of its age is over, or it would seem old while it is true. */
const REFRESH = 1 / 24;

export interface FileCacheContext {
  /** The registry's URL without secrets: what another registry said is of no use. */
  readonly registry: string;
  readonly emit: EventSink;
  readonly time: Time;
  /** Ms since 1970; default that of the system. */
  readonly now?: () => number;
}

/**
 * Keeps views as files: one for each service, in a folder for each registry.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function fileCache(options: CacheOptions, context: FileCacheContext): ViewCache {
  return new FileCache(checkCacheOptions(options), context);
}

/** What is to be written. */
interface Due {
  readonly view: KnownView;
  readonly savedAt: number;
}

class FileCache implements ViewCache {
  readonly #folder: SnapshotFolder;
  readonly #due = new Map<string, Due>();
  readonly #throttles = new Map<string, Throttle>();
  /** When each view was written, on the directory's clock: a view that changes is another object. */
  readonly #written = new WeakMap<KnownView, number>();
  /** One file at a time: a client of a hundred services does not begin with a hundred writes. */
  #queue: Promise<void> = Promise.resolve();
  #swept = false;
  readonly #ignored = new Set<string>();
  readonly #failing = new Set<string>();

  constructor(
    private readonly settings: CacheSettings,
    private readonly context: FileCacheContext,
  ) {
    this.#folder = new SnapshotFolder(settings.dir, context.registry);
  }

  async load(service: string): Promise<ViewSnapshot | undefined> {
    const { registry } = this.context;
    const { maxAgeMs } = this.settings;
    const path = this.#folder.path(service);
    try {
      const text = await this.#folder.read(service);
      if (text === undefined) return undefined;
      return await decodeSnapshot(text, { path, registry, service, maxAgeMs, now: this.#now() });
    } catch (error) {
      this.#ignore(
        service,
        path,
        error instanceof RookeryError ? error : malformed(path, `${messageOf(error)}.`, error),
      );
      return undefined;
    }
  }

  save(service: string, view: KnownView): void {
    const writtenAt = this.#written.get(view);
    const { time } = this.context;
    if (writtenAt !== undefined && time.now() - writtenAt < this.settings.maxAgeMs * REFRESH) return;
    this.#due.set(service, { view, savedAt: this.#now() });
    let throttle = this.#throttles.get(service);
    if (!throttle) {
      throttle = new Throttle(time, WRITE_EVERY_MS, () => this.#next(() => this.#write(service)));
      this.#throttles.set(service, throttle);
    }
    throttle.ask();
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#throttles.values()].map((throttle) => throttle.flush()));
  }

  #next(write: () => Promise<void>): Promise<void> {
    return (this.#queue = this.#queue.then(write));
  }

  async #write(service: string): Promise<void> {
    const due = this.#due.get(service);
    if (!due) return;
    const { view, savedAt } = due;
    const { registry, time } = this.context;
    try {
      // A copy of the references: the window changes while the pieces are written.
      const instances = [...view.instances.values()];
      await this.#folder.write(service, encodeSnapshot({ registry, service, savedAt, route: view.route }, instances));
      this.#written.set(view, time.now());
      if (this.#due.get(service) === due) this.#due.delete(service);
      this.#failing.delete(service);
      await this.#sweepOnce();
    } catch (error) {
      this.#fail(service, error);
    }
  }

  async #sweepOnce(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    await this.#folder.sweep();
  }

  #ignore(service: string, path: string, error: RookeryError): void {
    if (this.#ignored.has(service)) return;
    this.#ignored.add(service);
    this.context.emit({ type: 'snapshot.ignored', service, path, error });
  }

  /** Told once: as a rule one disk is behind all of them. */
  #fail(service: string, cause: unknown): void {
    const first = this.#failing.size === 0;
    this.#failing.add(service);
    if (!first) return;
    const path = this.#folder.path(service);
    const error = cause instanceof RookeryError ? cause : unwritable(path, cause);
    this.context.emit({ type: 'snapshot.failed', service, path, error });
  }

  #now(): number {
    return (this.context.now ?? Date.now)();
  }
}
