import { RookeryError, show } from '../errors.js';
import { murmur3 } from '../hash.js';
import { checkKeys, type KeysOf } from '../keys.js';
import type { Candidate, HashKeySource, Picker, PickerFactory, PickRequest } from '../picker.js';
import type { Random } from '../time.js';
import { Ring } from './ring.js';

/** On all candidates together, however many and heavy they are. */
export const MAX_POINTS = 131_072;
/** Points of a candidate of mean weight are at least so many, and below four times as many. */
const POINTS = 64;
/** Weights are scaled by steps of 4 of their mean; the default weight is in the middle of its step. */
const STEP = 4;
const FIRST_STEP = 0.8;
/** Tells the hashes of keys from those of points: a key may be the text of an address. */
const KEY_SEED = 0x9747b28c;

const KEYS: KeysOf<HashKeySource> = { header: true };

/** Header names as HTTP/2 has them; those of bytes end with -bin. */
const HEADER = /^(?!.*-bin$)[a-z0-9_.-]+$/i;

/**
 * Calls with the same key go to the same instance: `consistentHash({ header: 'x-user-id' })` takes the key from the
 * metadata of the call, unless the call names its own `hashKey`. An instance that comes or goes moves only about its own
 * share of the keys, and all clients agree (Karger 1997; the ring of gRFC A42).
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function consistentHash(source: HashKeySource = {}): PickerFactory {
  if (typeof source !== 'object' || source === null) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: 'consistentHash',
      found: `found ${show(source)}.`,
      remedy: "Name the header in an object: consistentHash({ header: 'x-user-id' }).",
    });
  }
  checkKeys(source, KEYS, 'consistentHash');
  const { header } = source;
  if (header !== undefined && !(typeof header === 'string' && HEADER.test(header))) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: 'consistentHash.header',
      found: `found ${show(header)}.`,
      remedy: "Use the name of a header with a text, such as 'x-user-id'.",
    });
  }
  const make = <C extends Candidate>(random: Random): Picker<C> => new HashRing<C>(random);
  return Object.assign(make, { hashKey: { header } });
}

/** What of a candidate is on the ring. */
interface Standing {
  weight: number;
  points: number;
}

/**
 * A ring on which a candidate has points by its weight. The points are hashes of its key, so that they are the same in
 * every client; how many there are depends on nothing but the candidates of the moment, not on how they came, for the
 * same reason. The price is a boundary: where the mean weight leaves its step, or MAX_POINTS halves the points of all, many
 * keys move at once.
 */
class HashRing<C extends Candidate> implements Picker<C> {
  readonly #ring = new Ring<C>();
  readonly #standings = new Map<C, Standing>();
  #total = 0;
  /** Points for a weight of 1, as the ring is now. */
  #scale = 0;
  /** Since the ring was scaled last, somebody came, went or changed. */
  #changed = false;

  constructor(private readonly random: Random) {}

  add(candidate: C): void {
    if (this.#standings.has(candidate)) return;
    const standing = { weight: candidate.weight, points: 0 };
    this.#standings.set(candidate, standing);
    this.#count(standing.weight);
    this.#settle(candidate, standing);
  }

  remove(candidate: C): void {
    const standing = this.#standings.get(candidate);
    if (!standing) return;
    this.#standings.delete(candidate);
    this.#count(-standing.weight);
    this.#setPoints(candidate, standing, 0);
  }

  reweigh(candidate: C): void {
    const standing = this.#standings.get(candidate);
    if (!standing || standing.weight === candidate.weight) return;
    this.#count(candidate.weight - standing.weight);
    standing.weight = candidate.weight;
    this.#settle(candidate, standing);
  }

  /** A call without a key goes anywhere. */
  pick({ hashKey, skip }: PickRequest<C>): C | undefined {
    // Only here: changes that come together are followed once.
    if (this.#changed) this.#rescale();
    const at = hashKey === undefined ? Math.floor(this.random() * 2 ** 32) : murmur3(hashKey, KEY_SEED);
    return this.#ring.next(at, skip);
  }

  #wantedScale(): number {
    const size = this.#standings.size;
    if (size === 0) return 0;
    const step = Math.floor(Math.log2(this.#total / size / FIRST_STEP) / Math.log2(STEP));
    const most = 2 ** Math.floor(Math.log2(MAX_POINTS / this.#total));
    return Math.min(POINTS / (FIRST_STEP * STEP ** step), most);
  }

  #count(weight: number): void {
    this.#total += weight;
    this.#changed = true;
  }

  #rescale(): void {
    this.#changed = false;
    const scale = this.#wantedScale();
    if (scale === this.#scale) return;
    this.#scale = scale;
    for (const [candidate, standing] of this.#standings) this.#settle(candidate, standing);
  }

  #settle(candidate: C, standing: Standing): void {
    // Before the first pick there is no ring yet.
    if (this.#scale > 0) this.#setPoints(candidate, standing, Math.max(1, Math.floor(standing.weight * this.#scale)));
  }

  /** More points leave those that are there where they are. */
  #setPoints(candidate: C, standing: Standing, points: number): void {
    const { key } = candidate;
    for (let i = standing.points; i < points; i += 1) this.#ring.add(murmur3(key, i), candidate, key);
    for (let i = points; i < standing.points; i += 1) this.#ring.remove(murmur3(key, i), candidate);
    standing.points = points;
  }
}
