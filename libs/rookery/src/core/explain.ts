import type { GroupRule, PlannedGroup } from './call-groups.js';
import type { CallFailure, Waiting } from './call.js';
import type { EndpointState } from './endpoint.js';
import { messageOf, RookeryError, show } from './errors.js';
import { checkName, type InstanceStatus, type ServiceInstance } from './instance.js';
import { checkKeys, type KeysOf } from './keys.js';
import type { PickExplanation } from './pick-log.js';
import { checkGroups, type GroupRoute } from './route.js';
import type { ServiceView } from './view.js';
import type { Why } from './why.js';

/** A call that somebody asks about. */
export interface ExplainCall {
  /** A group, or groups in order, as the call would name them. */
  readonly group?: string | readonly string[] | undefined;
  /** The lane that it would run in. */
  readonly lane?: string | undefined;
  /** Its hash key: which group of a split it gets. */
  readonly hashKey?: string | undefined;
}

/** How a service stands for a call, and why. Plain data: it can be written as JSON. Times are of this process. */
export interface ServiceExplanation {
  readonly service: string;
  /** The registry's URL without secrets. */
  readonly registry: string;
  /** `unwatched`: no client of this process asks for the service; asking for an explanation does not start to. */
  readonly view: 'unwatched' | ServiceView['status'] | 'stale';
  /** How long the registry has been away, ms; only of a stale view. */
  readonly staleForMs?: number;
  /** Why the view has failed. */
  readonly error?: string;
  /** The route in the registry; `null` is none, which means ungrouped instances only. */
  readonly route: GroupRoute | null;
  /** The call that was asked about. */
  readonly call: ExplainCall;
  /** Those in the registry, oldest first, then those that a channel keeps though the registry has lost them. */
  readonly instances: readonly InstanceExplanation[];
  /** One for each client channel of the process that asks for the service. */
  readonly channels: readonly ChannelExplanation[];
}

export interface InstanceExplanation {
  readonly id: string;
  readonly address: string;
  /** `''` is ungrouped. */
  readonly group: string;
  readonly weight: number;
  readonly status: InstanceStatus;
  readonly zone?: string;
  readonly version?: string;
  /** Whether every channel may give the call to it now; false where there is no channel. */
  readonly pickable: boolean;
  readonly channels: readonly InstanceStanding[];
}

/** How an instance stands with one channel. */
export interface InstanceStanding {
  readonly channel: number;
  /** `none` where the channel keeps no connection to it. */
  readonly state: EndpointState | 'none';
  /** Calls of the channel that run on it. */
  readonly running: number;
  /** Whether the call may be given to it now. */
  readonly pickable: boolean;
  /** What keeps the call from it, and what is special about it; may name something where it is pickable, too. */
  readonly why: readonly Why[];
}

export interface ChannelExplanation {
  /** Counts the channels that have asked for the service so far. */
  readonly channel: number;
  /** What its client is called: the `name` of `forFeature`, or of `channelOptions`. */
  readonly name?: string;
  /** The zone that it prefers. */
  readonly zone?: string;
  /** The groups that the call would ask, in order; of a split, which asks one, all of them with their shares. */
  readonly groups: readonly GroupExplanation[];
  /** What would become of the call now. */
  readonly outcome: CallOutcome;
  /** The last picks, at most 100, the last one first; of any call. */
  readonly picks: readonly PickExplanation[];
}

export interface GroupExplanation extends PlannedGroup {
  /** Who named it. */
  readonly rule: GroupRule;
  /** `missing`: nobody in it could serve soon either. */
  readonly state: 'usable' | 'connecting' | 'missing';
  readonly instances: number;
  readonly usable: number;
}

export type CallOutcome =
  | { readonly result: 'pick'; /** Where from. */ readonly groups: readonly string[] }
  | { readonly result: 'wait'; readonly for: Waiting }
  | { readonly result: 'fail'; readonly reason: CallFailure['reason']; readonly details: string };

/** What a channel says of itself: standings by instance, and the instances that it keeps though they are lost. */
export interface ChannelReport extends Omit<ChannelExplanation, 'channel'> {
  readonly standings: ReadonlyMap<string, Omit<InstanceStanding, 'channel'>>;
  readonly kept: readonly ServiceInstance[];
}

/** Whoever asks a directory for a service, and can say what becomes of its calls. */
export interface ChannelExplainer {
  explain(call: ExplainedCall): ChannelReport;
}

/** A call, checked. */
export interface ExplainedCall extends Omit<ExplainCall, 'group'> {
  readonly groups?: readonly string[];
}

const KEYS: KeysOf<ExplainCall> = { group: true, lane: true, hashKey: true };

/** @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID */
export function checkExplainCall(call: ExplainCall, path = 'explain'): ExplainedCall {
  if (typeof call !== 'object' || call === null)
    throw wrong(path, call, 'Pass an object such as { group }, or nothing.');
  checkKeys(call, KEYS, path);
  const { group, lane, hashKey } = call;
  if (hashKey !== undefined && typeof hashKey !== 'string') throw wrong(`${path}.hashKey`, hashKey, 'Use a text.');
  return {
    ...(group !== undefined && { groups: checkGroups(group, `${path}.group`) }),
    ...(lane !== undefined && { lane: checkName(lane, `${path}.lane`) }),
    ...(hashKey !== undefined && { hashKey }),
  };
}

function wrong(path: string, found: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(found)}.`, remedy });
}

export interface ExplainedService {
  readonly service: string;
  readonly registry: string;
  /** Absent where nobody watches the service. */
  readonly view: ServiceView | undefined;
  readonly call: ExplainCall;
  readonly reports: ReadonlyMap<number, ChannelReport>;
  readonly now: number;
}

/** Folds what the registry says with what each channel says. */
export function explainService({ service, registry, view, call, reports, now }: ExplainedService): ServiceExplanation {
  const known = view?.status === 'known' ? view : undefined;
  const instances = new Map(known?.instances);
  for (const { kept } of reports.values()) for (const instance of kept) instances.set(instance.id, instance);
  return {
    service,
    registry,
    view: known?.staleSince === undefined ? (view?.status ?? 'unwatched') : 'stale',
    ...(known?.staleSince !== undefined && { staleForMs: now - known.staleSince }),
    ...(view?.status === 'failed' && { error: messageOf(view.error) }),
    route: known?.route ?? null,
    call: { ...call },
    instances: [...instances.values()].map((instance) => explainInstance(instance, reports)),
    channels: [...reports].map(([channel, { groups, outcome, picks }]) => ({ channel, groups, outcome, picks })),
  };
}

function explainInstance(
  { id, address, group, weight, status, zone, version }: ServiceInstance,
  reports: ExplainedService['reports'],
): InstanceExplanation {
  const channels = [...reports].flatMap(([channel, { standings }]) => {
    const standing = standings.get(id);
    return standing ? [{ channel, ...standing }] : [];
  });
  return {
    id,
    address,
    group,
    weight,
    status,
    ...(zone !== undefined && { zone }),
    ...(version !== undefined && { version }),
    pickable: channels.length > 0 && channels.every(({ pickable }) => pickable),
    channels,
  };
}
