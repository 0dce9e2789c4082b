import type { CallRecord } from './call.js';
import type { GroupPools } from './group-pools.js';
import { ANY_GROUP } from './instance.js';
import { DEFAULT_ROUTE, type GroupRoute } from './route.js';
import { byName, sharesOf, SplitChooser, stickyGroup } from './split.js';
import type { Random } from './time.js';

/** Who named a group: the call itself, its lane, its client, the route of the service, or nobody. */
export type GroupRule = 'call' | 'lane' | 'client' | 'route' | 'default';

/** What of a call says which groups it asks. */
export type GroupRequest = Pick<CallRecord, 'groups' | 'clientGroups' | 'lane' | 'hashKey' | 'drawn' | 'skip'>;

/** A group that a call would ask. */
export interface PlannedGroup {
  readonly group: string;
  readonly rule: GroupRule;
  /** Of a split, which asks one of its groups: the part of the calls that it gets as things stand, 0 to 1. */
  readonly share?: number;
}

/** Which groups a call asks, in order: its own, else its client's, else those of the route, else ungrouped; a lane first. */
export class CallGroups {
  readonly #split: SplitChooser;

  constructor(
    private readonly pools: GroupPools,
    random: Random,
  ) {
    this.#split = new SplitChooser(random);
  }

  of(call: GroupRequest, route: GroupRoute | undefined): readonly string[] {
    if (call.groups) return call.groups;
    // It takes no part in a split that it does not need.
    if (call.lane !== undefined && !call.skip && this.#usable(call.lane)) return [call.lane];
    const groups = call.clientGroups ?? this.#routed(route ?? DEFAULT_ROUTE, call);
    return call.lane === undefined || groups[0] === call.lane ? groups : [call.lane, ...groups];
  }

  /** The same for people, with every group that a split may choose; chooses none. */
  plan(call: GroupRequest, route: GroupRoute | undefined): readonly PlannedGroup[] {
    const rule: GroupRule = call.groups ? 'call' : call.clientGroups ? 'client' : route ? 'route' : 'default';
    const groups = call.groups ?? call.clientGroups;
    const planned = groups?.map((group) => ({ group, rule })) ?? this.#plannedBy(route ?? DEFAULT_ROUTE, rule, call);
    if (call.groups || call.lane === undefined || (planned[0]?.group === call.lane && !('share' in planned[0])))
      return planned;
    return [{ group: call.lane, rule: 'lane' }, ...planned];
  }

  #routed(route: GroupRoute, call: GroupRequest): readonly string[] {
    if (route.type === 'prefer') return route.groups;
    if (route.type === 'any') return ANY;
    // A call that waits, or is sent again, is one call of its group.
    const drawn = call.drawn !== undefined && this.#usable(call.drawn) ? call.drawn : undefined;
    const group = drawn ?? this.#split.choose(route.shares, this.#usable, call.hashKey);
    if (group !== undefined) {
      call.drawn = group;
      return [group];
    }
    const groups = sharesOf(route.shares).map((share) => share.group);
    const hopeful = groups.find((each) => !(this.pools.get(each)?.missing ?? true));
    return hopeful === undefined ? groups : [hopeful];
  }

  #plannedBy(route: GroupRoute, rule: GroupRule, { hashKey }: GroupRequest): readonly PlannedGroup[] {
    if (route.type === 'prefer') return route.groups.map((group) => ({ group, rule }));
    if (route.type === 'any') return ANY.map((group) => ({ group, rule }));
    const groups = sharesOf(route.shares);
    const sum = groups.reduce((total, { group, weight }) => total + (this.#usable(group) ? weight : 0), 0);
    const sticky = hashKey === undefined ? undefined : stickyGroup(byName(groups), this.#usable, hashKey);
    const share = (group: string, weight: number) => {
      if (sticky !== undefined) return Number(group === sticky);
      return this.#usable(group) ? weight / sum : 0;
    };
    return groups.map(({ group, weight }) => ({ group, rule, share: share(group, weight) }));
  }

  readonly #usable = (group: string): boolean => (this.pools.get(group)?.usable ?? 0) > 0;
}

const ANY: readonly string[] = [ANY_GROUP];

/** Who named the group that stands at `index` of those that the call asks. */
export function ruleOf(
  call: GroupRequest,
  groups: readonly string[],
  index: number,
  route: GroupRoute | undefined,
): GroupRule {
  if (call.groups) return 'call';
  if (index === 0 && call.lane !== undefined && groups[0] === call.lane) return 'lane';
  return call.clientGroups ? 'client' : route ? 'route' : 'default';
}
