import type { CallGroups, GroupRule } from './call-groups.js';
import type { CallFailure } from './call.js';
import { groupName } from './call-failure.js';
import type { Endpoint } from './endpoint.js';
import type { CallOutcome, ChannelReport, ExplainedCall, GroupExplanation, InstanceStanding } from './explain.js';
import type { GroupPool } from './group-pool.js';
import type { GroupPools } from './group-pools.js';
import { ANY_GROUP, type ServiceInstance } from './instance.js';
import type { PickLog } from './pick-log.js';
import type { ServiceView } from './view.js';
import { suffices } from './zone-preference.js';
import { because, isObstacle, whyOf, type Why } from './why.js';

export interface ChannelReportOptions {
  readonly call: ExplainedCall & { readonly clientGroups?: readonly string[] | undefined };
  readonly view: ServiceView;
  readonly groups: CallGroups;
  readonly pools: GroupPools;
  readonly endpoints: Iterable<Endpoint>;
  readonly picks: PickLog;
  readonly now: number;
  /** What the client is called. */
  readonly name?: string | undefined;
  /** The client's own zone, where it prefers that. */
  readonly zone?: string | undefined;
  /** What a call is told that finds nobody in these groups. */
  readonly failure: (groups: readonly string[], rule: GroupRule) => CallFailure;
}

/** What would become of a call, group by group and instance by instance. Changes nothing, and asks no picker. */
export function reportChannel(options: ChannelReportOptions): ChannelReport {
  const { call, view, pools, picks, now, failure, name, zone } = options;
  const planned = options.groups.plan(call, view.status === 'known' ? view.route : undefined);
  const groups = planned.map((group): GroupExplanation => ({ ...group, ...standingOf(pools, group.group) }));
  const asked = askedNow(groups);
  const outcome = outcomeOf(view, groups, asked, failure);
  return {
    ...(name !== undefined && { name }),
    ...(zone !== undefined && { zone }),
    groups,
    outcome,
    picks: picks.told(now),
    ...standings(options, groups, asked),
  };
}

function standingOf(pools: GroupPools, group: string): Omit<GroupExplanation, 'group' | 'rule' | 'share'> {
  const { size, usable, missing } = poolOf(pools, group);
  return { state: usable > 0 ? 'usable' : missing ? 'missing' : 'connecting', instances: size, usable };
}

type Pool = Pick<GroupPool, 'size' | 'usable' | 'missing' | 'panicking' | 'near'>;

const NOBODY: Pool = { size: 0, usable: 0, missing: true, panicking: false, near: 0 };

/** That of all as the sum of the others: only the first call that asks for it makes it. */
function poolOf(pools: GroupPools, group: string): Pool {
  if (group !== ANY_GROUP) return pools.get(group) ?? NOBODY;
  const all = [...pools.groups().values()];
  const sum = (key: 'size' | 'usable' | 'near') => all.reduce((total, pool) => total + pool[key], 0);
  const usable = sum('usable');
  const panicking = usable > 0 && all.every((pool) => pool.panicking || pool.usable === 0);
  return { size: sum('size'), usable, missing: all.every(({ missing }) => missing), panicking, near: sum('near') };
}

/** Those of the first step that a call does not pass over; a split is one step, which any usable group of it takes. */
function askedNow(groups: readonly GroupExplanation[]): readonly GroupExplanation[] {
  for (const group of groups) {
    if (group.share === undefined) {
      if (group.state !== 'missing') return [group];
      continue;
    }
    const usable = groups.filter(({ share, state }) => share !== undefined && share > 0 && state === 'usable');
    return usable.length > 0
      ? usable
      : groups.filter(({ share, state }) => share !== undefined && state === 'connecting');
  }
  return [];
}

function outcomeOf(
  view: ServiceView,
  groups: readonly GroupExplanation[],
  asked: readonly GroupExplanation[],
  failure: ChannelReportOptions['failure'],
): CallOutcome {
  if (view.status === 'pending') return { result: 'wait', for: 'registry' };
  if (asked.some(({ state }) => state === 'usable')) return { result: 'pick', groups: asked.map(({ group }) => group) };
  if (asked.length > 0) return { result: 'wait', for: 'connection' };
  const { reason, details } = failure(
    groups.map(({ group }) => group),
    groups.at(-1)?.rule ?? 'default',
  );
  return { result: 'fail', reason, details };
}

type Standing = Omit<InstanceStanding, 'channel'>;

function standings(
  { view, endpoints, pools, now, zone }: ChannelReportOptions,
  groups: readonly GroupExplanation[],
  asked: readonly GroupExplanation[],
): Pick<ChannelReport, 'standings' | 'kept'> {
  const known: ReadonlyMap<string, ServiceInstance> = view.status === 'known' ? view.instances : new Map();
  const byAddress = new Map<string, Endpoint>();
  const found = new Map<string, Standing>();
  const kept: ServiceInstance[] = [];
  const poolAsked = poolsAsked(pools, groups, asked);
  for (const endpoint of endpoints) {
    const { instance } = endpoint;
    byAddress.set(endpoint.address, endpoint);
    const group = whyGroup(instance.group, groups, asked);
    const pool = poolAsked(instance.group);
    const said = whyOf(endpoint, { now, zone: suffices(pool.near) ? zone : undefined });
    const why = group ? [group, ...said] : said;
    // Where all of its group are ejected they get calls all the same.
    const pickable = !why.some((each) => isObstacle(each) && !(pool.panicking && each.code === 'ejected'));
    found.set(instance.id, { state: endpoint.state, running: endpoint.running, pickable, why });
    if (!known.has(instance.id)) kept.push(instance);
  }
  for (const { id, address } of known.values()) {
    if (found.has(id)) continue;
    const newer = byAddress.get(address);
    const why = newer ? because('shadowed', newer.instance.id) : because('subset');
    found.set(id, { state: 'none', running: 0, pickable: false, why: [why] });
  }
  return { standings: found, kept };
}

/** In which pool a call meets the instances of a group: its own, or that of all where the call asks for any. */
function poolsAsked(
  pools: GroupPools,
  groups: readonly GroupExplanation[],
  asked: readonly GroupExplanation[],
): (group: string) => Pool {
  const found = new Map<string, Pool>();
  return (group) => {
    let pool = found.get(group);
    if (!pool) {
      const named = [...asked, ...groups].find((each) => names(each, group));
      found.set(group, (pool = poolOf(pools, named?.group ?? group)));
    }
    return pool;
  };
}

const names = (each: GroupExplanation, group: string) => each.group === group || each.group === ANY_GROUP;

/** Nothing where the call would take the group now, or would wait for it. */
function whyGroup(
  group: string,
  groups: readonly GroupExplanation[],
  asked: readonly GroupExplanation[],
): Why | undefined {
  if (asked.some((each) => names(each, group))) return undefined;
  const named = groups.find((each) => names(each, group));
  // Of a split, one that is usable and has no share is not the one of the call's hash key.
  if (!named || (named.share === 0 && named.state === 'usable')) return because('group');
  const [first] = asked;
  if (!first || (first.share !== undefined && named.share !== undefined)) return undefined;
  return because('fallback', groupName(first.group));
}
