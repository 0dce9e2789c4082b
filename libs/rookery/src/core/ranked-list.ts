/** What has a place in the order of one client. */
export interface Ranked {
  /** 0…2³²-1. */
  readonly rank: number;
  /** Tells those of equal rank apart. */
  readonly address: string;
}

/** From how many on they are sorted in, and not put in one by one. */
const MANY = 32;

export function ranksBefore(a: Ranked, b: Ranked): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.address < b.address);
}

export function byRank(a: Ranked, b: Ranked): number {
  return ranksBefore(a, b) ? -1 : ranksBefore(b, a) ? 1 : 0;
}

/** Kept in order of rank: found by halving; what moves for one more or less of ten thousand is a piece of memory. */
export class RankedList<R extends Ranked> {
  #list: R[] = [];

  get size(): number {
    return this.#list.length;
  }

  [Symbol.iterator](): IterableIterator<R> {
    return this.#list[Symbol.iterator]();
  }

  at(index: number): R {
    return this.#list[index]!;
  }

  addAll(many: readonly R[]): void {
    if (many.length > MANY) this.#list = [...this.#list, ...many].sort(byRank);
    else for (const one of many) this.#list.splice(this.#indexOf(one), 0, one);
  }

  /** It must be in the list. */
  remove(one: R): void {
    this.#list.splice(this.#indexOf(one), 1);
  }

  /** Where it stands, or belongs. */
  #indexOf(one: R): number {
    let [low, high] = [0, this.#list.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranksBefore(this.#list[middle]!, one)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
