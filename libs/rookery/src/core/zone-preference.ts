import type { Endpoint } from './endpoint.js';
import { checkInstanceOptions, isServing } from './instance.js';
import type { Picker, PickerFactory, PickRequest } from './picker.js';
import type { Random } from './time.js';

/** The zone takes all calls for as long as 1 / 1.4 of it, 71 %, is usable: Envoy's default overprovisioning factor. */
const OVERPROVISIONING = 1.4;
/** With fewer usable instances in the zone there is no preference: one instance must not carry the calls of a zone. */
const FEWEST = 2;

/**
 * A zone that a client prefers, or `false` for none, under `path.zone`.
 * @returns undefined for none
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function checkZone(value: unknown, path: string): string | undefined {
  return value === false ? undefined : checkInstanceOptions({ zone: value as string }, path).zone;
}

/** Whether a picker's instance follows from the key of a call, which a zone of the client would break. */
export function keepsKeys(factory: PickerFactory): boolean {
  return factory.hashKey !== undefined;
}

/** Whether so many usable instances of the zone are enough for a preference. */
export function suffices(near: number): boolean {
  return near >= FEWEST;
}

/**
 * Prefers the instances of the client's own zone, by the rule of Envoy's priority levels: the zone takes
 * min(1, 1.4 × usable weight of the zone / weight of the zone) of the calls, the other zones take the rest by weight. The
 * weight of a zone is that of its instances in the registry that are up, whether or not they are connected; those that
 * the client does not connect to by choice are not among them. With fewer than two usable instances in the zone, or none
 * outside, everybody counts by weight alone.
 *
 * Two pickers of the same kind, one for the zone and one for everybody else. The one instance of a zone that has only one
 * stands among the others, so that one picker sees everybody.
 */
export class ZonePreference implements Picker<Endpoint> {
  readonly #near: Picker<Endpoint>;
  readonly #far: Picker<Endpoint>;
  /** What is in the pickers, and the weight of those that are of the zone. */
  readonly #members = new Map<Endpoint, { readonly near: boolean; weight: number }>();
  /** Those of them that are of the zone. */
  readonly #usable = new Set<Endpoint>();
  readonly #known = new Map<Endpoint, number>();
  #usableWeight = 0;
  #knownWeight = 0;
  /** What the zone is due of the next call: it takes it from 1 on. Many clients must not march in step. */
  #due: number;

  constructor(
    factory: PickerFactory,
    random: Random,
    private readonly zone: string,
  ) {
    this.#near = factory<Endpoint>(random);
    this.#far = factory<Endpoint>(random);
    this.#due = random();
  }

  /** How many of the zone are usable. */
  get near(): number {
    return this.#usable.size;
  }

  /** An endpoint of the group as it stands now, before the pickers hear of it. */
  place(endpoint: Endpoint): void {
    const { instance, state } = endpoint;
    const near = instance.zone === this.zone;
    const known = this.#known.get(endpoint) ?? 0;
    const weight = near && state !== 'idle' && isServing(instance) ? instance.weight : 0;
    if (weight !== known) {
      this.#knownWeight += weight - known;
      if (weight > 0) this.#known.set(endpoint, weight);
      else this.#known.delete(endpoint);
    }
    const member = this.#members.get(endpoint);
    if (!member) return;
    if (member.near !== near) {
      this.remove(endpoint);
      this.add(endpoint);
    } else if (near) {
      this.#usableWeight += instance.weight - member.weight;
      member.weight = instance.weight;
    }
  }

  forget(endpoint: Endpoint): void {
    this.#knownWeight -= this.#known.get(endpoint) ?? 0;
    this.#known.delete(endpoint);
  }

  add(endpoint: Endpoint): void {
    if (this.#members.has(endpoint)) return;
    const { zone, weight } = endpoint.instance;
    const near = zone === this.zone;
    this.#members.set(endpoint, { near, weight });
    if (!near) return this.#far.add(endpoint);
    const [other] = this.#usable;
    this.#usable.add(endpoint);
    this.#usableWeight += weight;
    if (this.#usable.size < FEWEST) return this.#far.add(endpoint);
    if (this.#usable.size === FEWEST) {
      this.#far.remove(other!);
      this.#near.add(other!);
    }
    this.#near.add(endpoint);
  }

  remove(endpoint: Endpoint): void {
    const member = this.#members.get(endpoint);
    if (!member) return;
    this.#members.delete(endpoint);
    if (!member.near) return this.#far.remove(endpoint);
    this.#usable.delete(endpoint);
    this.#usableWeight -= member.weight;
    if (this.#usable.size < FEWEST - 1) return this.#far.remove(endpoint);
    this.#near.remove(endpoint);
    if (this.#usable.size >= FEWEST) return;
    const [last] = this.#usable;
    this.#near.remove(last!);
    this.#far.add(last!);
  }

  reweigh(endpoint: Endpoint): void {
    const near = this.#members.get(endpoint)?.near && this.#usable.size >= FEWEST;
    (near ? this.#near : this.#far).reweigh(endpoint);
  }

  pick(request: PickRequest<Endpoint>): Endpoint | undefined {
    if (this.#usable.size < FEWEST) return this.#far.pick(request);
    // Where everybody there was tried already, or nobody is, the others take it.
    return this.#staysNear()
      ? (this.#near.pick(request) ?? this.#far.pick(request))
      : (this.#far.pick(request) ?? this.#near.pick(request));
  }

  #staysNear(): boolean {
    this.#due += Math.min(1, (OVERPROVISIONING * this.#usableWeight) / this.#knownWeight);
    if (this.#due < 1) return false;
    this.#due -= 1;
    return true;
  }
}
