import { murmur3 } from './hash.js';
import { weighted } from './pickers/weighted.js';
import type { Picker, Weighted } from './picker.js';
import type { Random } from './time.js';

interface GroupShare extends Weighted {
  readonly group: string;
}

/** Not the seed of pickers: a group that gets one part of the keys would else get one part of its own ring. */
const SEED = 0x73_70_6c_74;

/** Chooses a group by its share, smoothly and exactly, over the groups that are usable at the moment. */
export class SplitChooser {
  #shares: Readonly<Record<string, number>> | undefined;
  #picker: Picker<GroupShare> | undefined;
  /** In the order of their names. */
  #groups: readonly GroupShare[] = [];

  constructor(private readonly random: Random) {}

  /**
   * @param hashKey has calls with one key stay in one group
   * @returns nothing where no group of the split is usable
   */
  choose(
    shares: Readonly<Record<string, number>>,
    usable: (group: string) => boolean,
    hashKey?: string,
  ): string | undefined {
    if (shares !== this.#shares || !this.#picker) {
      this.#shares = shares;
      const groups = sharesOf(shares);
      this.#groups = byName(groups);
      this.#picker = weighted<GroupShare>(this.random);
      for (const group of groups) this.#picker.add(group);
    }
    if (hashKey !== undefined) return stickyGroup(this.#groups, usable, hashKey);
    return this.#picker.pick({ skip: ({ group }) => !usable(group) })?.group;
  }
}

/** The groups of a split that have a share at all. */
export function sharesOf(shares: Readonly<Record<string, number>>): GroupShare[] {
  return Object.entries(shares)
    .filter(([, weight]) => weight > 0)
    .map(([group, weight]) => ({ group, weight }));
}

/** The order of the spans of sticky groups: the same for everybody, in whatever order the shares were written. */
export function byName(groups: readonly GroupShare[]): GroupShare[] {
  return groups.toSorted((a, b) => (a.group < b.group ? -1 : 1));
}

/**
 * The group of a key: its place in [0, 1) falls into the span of one group, and the spans stand in the order of the names.
 * Where shares move between two groups that stand side by side, only the keys that must move do. The keys of a group that
 * is not usable are spread over the others by the same rule, from where they stand in its span; no other key moves.
 * @param groups `byName`
 */
export function stickyGroup(
  groups: readonly GroupShare[],
  usable: (group: string) => boolean,
  hashKey: string,
): string | undefined {
  let place = murmur3(hashKey, SEED) / 2 ** 32;
  for (let left = groups; left.length > 0;) {
    const { index, within } = spanAt(left, place);
    const { group } = left[index]!;
    if (usable(group)) return group;
    left = left.filter((_, i) => i !== index);
    place = within;
  }
  return undefined;
}

/** Whose span a place falls into, and where in it. */
function spanAt(groups: readonly GroupShare[], place: number): { readonly index: number; readonly within: number } {
  let rest = place * groups.reduce((sum, { weight }) => sum + weight, 0);
  let index = 0;
  while (index < groups.length - 1 && rest >= groups[index]!.weight) {
    rest -= groups[index]!.weight;
    index += 1;
  }
  // Rounding may leave it a hair beyond the last span.
  return { index, within: Math.min(rest / groups[index]!.weight, 1 - Number.EPSILON) };
}
