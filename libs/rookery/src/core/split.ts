import { weighted } from './pickers/weighted.js';
import type { Picker, Weighted } from './picker.js';
import type { Random } from './time.js';

interface GroupShare extends Weighted {
  readonly group: string;
}

/** Chooses a group by its share, smoothly and exactly, over the groups that are usable at the moment. */
export class SplitChooser {
  #shares: Readonly<Record<string, number>> | undefined;
  #picker: Picker<GroupShare> | undefined;

  constructor(private readonly random: Random) {}

  /** Nothing where no group of the split is usable. */
  choose(shares: Readonly<Record<string, number>>, usable: (group: string) => boolean): string | undefined {
    if (shares !== this.#shares || !this.#picker) {
      this.#shares = shares;
      this.#picker = weighted<GroupShare>(this.random);
      for (const [group, weight] of Object.entries(shares)) if (weight > 0) this.#picker.add({ group, weight });
    }
    return this.#picker.pick({ skip: ({ group }) => !usable(group) })?.group;
  }
}
