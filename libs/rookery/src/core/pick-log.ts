import type { GroupRule } from './call-groups.js';
import { UNGROUPED, type ServiceInstance } from './instance.js';

/** How many picks a balancer remembers. */
const REMEMBERED = 100;

/** A pick, as it is told. */
export interface PickExplanation {
  /** How long ago the call was made, or was picked where it had waited or was tried again, ms. */
  readonly agoMs: number;
  readonly instance: string;
  readonly address: string;
  /** The group that was asked; `''` is the ungrouped, `'*'` any. */
  readonly group: string;
  /** Who named it. */
  readonly rule: GroupRule;
  /** The groups that came before it in the call's order and had nobody. */
  readonly passedOver: readonly string[];
  /** 1 for the first pick of a call. */
  readonly attempt: number;
}

interface Entry {
  at: number;
  instance: ServiceInstance | undefined;
  groups: readonly string[];
  index: number;
  rule: GroupRule;
  attempt: number;
}

/** The last picks, for people who ask. Made once and written over: a pick must cost next to nothing for it. */
export class PickLog {
  readonly #entries: Entry[] = Array.from({ length: REMEMBERED }, () => ({
    // Not a whole number, so that the field holds what clocks say from the start.
    at: -0.5,
    instance: undefined,
    groups: [],
    index: 0,
    rule: 'default',
    attempt: 0,
  }));
  #next = 0;

  record(
    at: number,
    instance: ServiceInstance,
    groups: readonly string[],
    index: number,
    rule: GroupRule,
    attempt: number,
  ): void {
    const entry = this.#entries[this.#next]!;
    this.#next = this.#next === REMEMBERED - 1 ? 0 : this.#next + 1;
    entry.at = at;
    entry.instance = instance;
    entry.groups = groups;
    entry.index = index;
    entry.rule = rule;
    entry.attempt = attempt;
  }

  /** The last one first. */
  told(now: number): PickExplanation[] {
    const older = this.#entries.slice(this.#next);
    return [...older, ...this.#entries.slice(0, this.#next)].toReversed().flatMap((entry) => {
      const { at, instance, groups, index, rule, attempt } = entry;
      if (!instance) return [];
      const { id, address } = instance;
      const passedOver = groups.slice(0, index);
      const agoMs = Math.max(0, now - at);
      return [{ agoMs, instance: id, address, group: groups[index] ?? UNGROUPED, rule, passedOver, attempt }];
    });
  }
}
