import { HOPELESS, type Endpoint } from './endpoint.js';
import { isServing } from './instance.js';
import type { Picker, PickerFactory } from './picker.js';
import type { Random } from './time.js';
import { keepsKeys, ZonePreference } from './zone-preference.js';

/** How an endpoint counts in its pool. */
interface Standing {
  weight: number;
  /** Up, of weight, connected to, and neither failed nor unhealthy: a call may wait for it. */
  readonly hopeful: boolean;
  /** Hopeful, connected, and not suspect: a call may go to it. */
  readonly usable: boolean;
  /** Usable, and neither lost by the registry nor ejected. */
  readonly registered: boolean;
  readonly unhealthy: boolean;
  /** Where it stands while it is usable: among those that are picked, or among the ejected. */
  readonly picker: Picker<Endpoint> | undefined;
  readonly failed: boolean;
}

export interface PoolOptions {
  readonly picker: PickerFactory;
  readonly random: Random;
  /** The client's own, where it prefers that. */
  readonly zone?: string | undefined;
  /** So many more are usable, and hopeful. */
  readonly counted?: (usable: number, hopeful: number) => void;
  /** More than half of the hopeful are ejected. */
  readonly overfull?: (pool: GroupPool) => void;
  /** Nobody is left but ejected ones, so many; calls go to them. */
  readonly panicked?: (endpoints: number) => void;
}

/**
 * The endpoints of one group (or of all): the usable ones in a picker, the others counted. The ejected stand in a picker of
 * their own, which is asked where the other one has nobody, or nobody to whom the call was not sent already (panic, as Envoy
 * calls it): so neither costs a pass over all.
 */
export class GroupPool {
  readonly #picker: Picker<Endpoint>;
  readonly #zoned: ZonePreference | undefined;
  #aside: Picker<Endpoint> | undefined;
  readonly #standings = new Map<Endpoint, Standing>();
  /** Those that are hopeful and ejected, in the order in which they became so. */
  readonly #ejected = new Set<Endpoint>();
  /** Nobody is left but ejected ones, and calls go to them. */
  panicking = false;
  hopeful = 0;
  usable = 0;
  registered = 0;
  unhealthy = 0;
  failed = 0;
  /** Usable, and not ejected. */
  #picked = 0;

  constructor(private readonly options: PoolOptions) {
    const { picker, random, zone } = options;
    if (zone !== undefined && !keepsKeys(picker)) this.#zoned = new ZonePreference(picker, random, zone);
    this.#picker = this.#zoned ?? picker<Endpoint>(random);
  }

  get size(): number {
    return this.#standings.size;
  }

  /** No instance that is up, has weight, and is neither failed nor unhealthy; who is ejected is there all the same. */
  get missing(): boolean {
    return this.hopeful === 0;
  }

  /** How many of the client's own zone calls may go to; 0 where it has no say. From two on calls go there first. */
  get near(): number {
    return this.#zoned?.near ?? 0;
  }

  /** One more may be ejected: at most half of those that calls may wait for are. */
  get mayEject(): boolean {
    return 2 * (this.#ejected.size + 1) <= this.hopeful;
  }

  /** Of those that are ejected, and hopeful otherwise. */
  get firstEjected(): Endpoint | undefined {
    return this.#ejected.values().next().value;
  }

  /** Places an endpoint as it stands now; says whether a waiting call could fare differently. */
  place(endpoint: Endpoint): boolean {
    const before = this.#standings.get(endpoint);
    const after = this.#standingOf(endpoint);
    this.#standings.set(endpoint, after);
    if (!after.hopeful || endpoint.ejectedUntil === undefined) this.#ejected.delete(endpoint);
    else this.#ejected.add(endpoint);
    this.#count(before, after);
    this.#zoned?.place(endpoint);
    if (before?.picker !== after.picker) {
      before?.picker?.remove(endpoint);
      after.picker?.add(endpoint);
    } else if (after.weight !== before?.weight) after.picker?.reweigh(endpoint);
    this.#tell();
    return before?.usable !== after.usable || before?.hopeful !== after.hopeful;
  }

  remove(endpoint: Endpoint): void {
    const before = this.#standings.get(endpoint);
    if (!before) return;
    this.#standings.delete(endpoint);
    this.#ejected.delete(endpoint);
    this.#count(before, undefined);
    before.picker?.remove(endpoint);
    this.#zoned?.forget(endpoint);
    this.#tell();
  }

  pick(request: Parameters<Picker<Endpoint>['pick']>[0]): Endpoint | undefined {
    return this.#picker.pick(request) ?? this.#aside?.pick(request);
  }

  #standingOf(endpoint: Endpoint): Standing {
    const { instance, draining, quarantined, state, suspect, weight, ejectedUntil } = endpoint;
    const hopeful = isServing(instance) && !draining && state !== 'idle' && !HOPELESS.includes(state);
    const usable = hopeful && state === 'ready' && !suspect;
    const ejected = ejectedUntil !== undefined;
    const registered = usable && !quarantined && !ejected;
    if (usable && ejected) this.#aside ??= this.options.picker<Endpoint>(this.options.random);
    const picker = usable ? (ejected ? this.#aside : this.#picker) : undefined;
    return {
      weight,
      hopeful,
      usable,
      registered,
      unhealthy: state === 'unhealthy',
      failed: state === 'failed',
      picker,
    };
  }

  #count(before: Standing | undefined, after: Standing | undefined): void {
    const hopeful = Number(after?.hopeful ?? false) - Number(before?.hopeful ?? false);
    const usable = Number(after?.usable ?? false) - Number(before?.usable ?? false);
    this.hopeful += hopeful;
    this.usable += usable;
    if (hopeful !== 0 || usable !== 0) this.options.counted?.(usable, hopeful);
    this.registered += Number(after?.registered ?? false) - Number(before?.registered ?? false);
    this.unhealthy += Number(after?.unhealthy ?? false) - Number(before?.unhealthy ?? false);
    this.failed += Number(after?.failed ?? false) - Number(before?.failed ?? false);
    this.#picked += Number(after?.picker === this.#picker) - Number(before?.picker === this.#picker);
  }

  /** Last in a change: whoever hears of it may change the pool again. */
  #tell(): void {
    const before = this.panicking;
    this.panicking = this.#picked === 0 && this.usable > 0;
    if (this.panicking && !before) this.options.panicked?.(this.usable);
    if (2 * this.#ejected.size > this.hopeful) this.options.overfull?.(this);
  }
}
