import { Backoff } from '../../core/backoff.js';
import type { ServiceChange } from '../../core/change.js';
import { messageOf, RookeryError } from '../../core/errors.js';
import type { EventSink } from '../../core/event.js';
import type { Registry } from '../../core/registry.js';
import { pause, type Random, type Time } from '../../core/time.js';
import type { ChangeQueue } from '../change-queue.js';
import { Precedence } from '../precedence.js';
import { checkBatch } from './check-batch.js';

/** So long after the first source has answered, the others are not waited for, ms. */
const WAIT_MS = 1000;

/** A watch that breaks sooner than this after its first answer, ms, is tried as one that never answered. */
const STEADY_MS = 1000;

/** What is known of one service; it outlives a watch that broke, as the entries of a source that failed do. */
export class MergedView {
  readonly precedence: Precedence;
  /** Sources that were told to fail. */
  readonly failed = new Set<number>();

  constructor(sources: number) {
    this.precedence = new Precedence(sources);
  }
}

export interface MergedWatchOptions {
  /** The name of the registry, for errors. */
  readonly name: string;
  readonly sources: readonly Registry[];
  readonly service: string;
  readonly view: MergedView;
  /** Takes what is told; its end is the end of the watch. */
  readonly queue: ChangeQueue;
  readonly time: Time;
  readonly random: Random;
  readonly emit: EventSink;
}

/** One watch of one service at each source, for as long as anybody wants to hear; each starts again for itself. */
export class MergedWatch implements Disposable {
  readonly #abort = new AbortController();
  /** What each source did last, once it did anything: nothing where it answered. */
  readonly #faults = new Map<number, unknown>();
  #begun = false;
  #timer: Disposable | undefined;

  constructor(private readonly options: MergedWatchOptions) {}

  start(): void {
    for (const i of this.options.sources.keys()) void this.#follow(i);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#abort.abort();
  }

  async #follow(i: number): Promise<void> {
    const { sources, service, time, random } = this.options;
    const { signal } = this.#abort;
    const backoff = new Backoff(random);
    while (!signal.aborted) {
      let since = Infinity;
      try {
        for await (const batch of sources[i]!.watch(service, signal)) {
          if (signal.aborted) return;
          this.#hear(i, checkBatch(batch));
          since = Math.min(since, time.now());
        }
        throw new Error('the watch ended');
      } catch (error) {
        if (signal.aborted) return;
        if (time.now() - since >= STEADY_MS) backoff.reset();
        this.#miss(i, error ?? new Error('it threw nothing'));
      }
      await pause(time, backoff.next(), signal);
    }
  }

  #hear(i: number, batch: readonly ServiceChange[]): void {
    const { service, view, queue, sources, time, emit } = this.options;
    const changes = view.precedence.apply(i, batch);
    this.#faults.set(i, undefined);
    if (view.failed.delete(i)) emit({ type: 'source.restored', service, source: sources[i]!.name });
    if (this.#begun) return queue.push(changes);
    this.#timer ??= time.after(WAIT_MS, () => this.#begin());
    if (this.#faults.size === sources.length) this.#begin();
  }

  /** What the source said last stays, unless nobody is left who knows better. */
  #miss(i: number, error: unknown): void {
    const { service, view, sources, queue, emit } = this.options;
    this.#faults.set(i, error);
    if (!view.failed.has(i)) {
      view.failed.add(i);
      emit({ type: 'source.failed', service, source: sources[i]!.name, error });
    }
    const heard = this.#faults.size === sources.length;
    // Who has said nothing by now is not waited for, and knows no better.
    const answers = [...this.#faults.values()].includes(undefined);
    if (!answers && (heard || this.#begun)) queue.end(this.#failure());
    else if (heard) this.#begin();
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#timer?.[Symbol.dispose]();
    this.options.queue.push([this.options.view.precedence.reset()]);
  }

  #failure(): RookeryError {
    const { name, sources } = this.options;
    const faults = sources.map((_, i) => this.#faults.get(i) ?? new Error('it says nothing'));
    const codes = new Set(faults.map((fault) => (fault instanceof RookeryError ? fault.code : undefined)));
    const [code] = codes;
    const found = sources.map((source, i) => `${source.name}: ${messageOf(faults[i])}`).join('; ');
    // Whoever watches gives up on some codes: not before every source has said the same.
    return new RookeryError((codes.size === 1 && code) || 'ROOKERY_REGISTRY_UNREACHABLE', {
      path: name,
      found: `no source can be read (${found}).`,
      remedy: 'Trying again.',
      cause: new AggregateError(faults, found),
    });
  }
}
