/** One place on the ring. */
interface Point<C> {
  readonly at: number;
  readonly owner: C;
  /** Of the owner: orders points at one place, the same in every client. */
  readonly key: string;
}

const MIN_BITS = 8;

/**
 * Points on a circle of 32 bits, in buckets by their high bits, about one point a bucket: adding, removing and finding
 * the next are O(1) on average.
 */
export class Ring<C> {
  #bits = MIN_BITS;
  #buckets: (Point<C>[] | undefined)[] = Array.from({ length: 1 << MIN_BITS });
  #size = 0;

  /** How many points there are. */
  get size(): number {
    return this.#size;
  }

  add(at: number, owner: C, key: string): void {
    this.#put({ at, owner, key });
    this.#size += 1;
    if (this.#size > 2 * this.#buckets.length) this.#resize(this.#bits + 2);
  }

  remove(at: number, owner: C): void {
    const place = this.#bucketOf(at);
    const bucket = this.#buckets[place];
    const index = bucket?.findIndex((point) => point.owner === owner && point.at === at) ?? -1;
    if (index < 0) return;
    if (bucket!.length === 1) this.#buckets[place] = undefined;
    else bucket!.splice(index, 1);
    this.#size -= 1;
    if (this.#bits > MIN_BITS && this.#size < this.#buckets.length / 8) this.#resize(this.#bits - 2);
  }

  /** The owner of the first point at `at` or behind it that is not skipped, once around. */
  next(at: number, skip?: (owner: C) => boolean): C | undefined {
    if (this.#size === 0) return undefined;
    const start = this.#bucketOf(at);
    const count = this.#buckets.length;
    let passed: C | undefined;
    for (let i = 0; i <= count; i += 1) {
      const bucket = this.#buckets[(start + i) & (count - 1)];
      if (!bucket) continue;
      for (const point of bucket) {
        // Of the first bucket, what lies before comes last.
        if ((i === 0 && point.at < at) || point.owner === passed) continue;
        if (!skip?.(point.owner)) return point.owner;
        passed = point.owner;
      }
    }
    return undefined;
  }

  #bucketOf(at: number): number {
    return at >>> (32 - this.#bits);
  }

  #put(point: Point<C>): void {
    const place = this.#bucketOf(point.at);
    const bucket = (this.#buckets[place] ??= []);
    let index = bucket.length;
    while (index > 0 && isBefore(point, bucket[index - 1]!)) index -= 1;
    bucket.splice(index, 0, point);
  }

  #resize(bits: number): void {
    const before = this.#buckets;
    this.#bits = bits;
    this.#buckets = Array.from({ length: 1 << bits });
    for (const bucket of before) for (const point of bucket ?? []) this.#put(point);
  }
}

function isBefore<C>(a: Point<C>, b: Point<C>): boolean {
  return a.at < b.at || (a.at === b.at && a.key < b.key);
}
