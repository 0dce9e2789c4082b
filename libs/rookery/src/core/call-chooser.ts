import { CallGroups, ruleOf, type GroupRule } from './call-groups.js';
import type { CallFailure, CallRecord, PickResult, Waiting } from './call.js';
import { groupMissing, noInstance, pickerFailed, withoutAddresses } from './call-failure.js';
import { reportChannel } from './channel-report.js';
import type { CoarseClock } from './coarse-clock.js';
import type { Directory } from './directory.js';
import type { Endpoint } from './endpoint.js';
import { messageOf } from './errors.js';
import type { ChannelReport, ExplainedCall } from './explain.js';
import type { GroupPools } from './group-pools.js';
import { PickLog } from './pick-log.js';
import { restart } from './retry.js';
import type { Random, Time } from './time.js';
import type { KnownView, ServiceView } from './view.js';

/** A call moves on from a group that is only connecting after this long, ms, or a quarter of the time it has left. */
const MOVE_ON_MS = 250;

export interface ChooserParts {
  readonly service: string;
  readonly directory: Directory;
  readonly pools: GroupPools;
  readonly time: Time;
  readonly clock: CoarseClock;
  readonly random: Random;
  /** The groups that the client names. */
  readonly groups?: readonly string[] | undefined;
  /** What explanations call the client. */
  readonly name?: string | undefined;
  /** The zone that the client prefers. */
  readonly zone?: string | undefined;
  readonly endpoints: () => Iterable<Endpoint>;
  /** A waiting call could fare differently. */
  readonly changed: () => void;
}

/** Chooses the endpoint of a call: which groups it asks, in which order, for which it waits, and what it is told. */
export class CallChooser {
  /** Of an endpoint, for those who find nobody. */
  lastError: string | undefined;
  readonly #groups: CallGroups;
  readonly #picks = new PickLog();
  #moveOn: Disposable | undefined;
  #moveOnAt = Infinity;

  constructor(private readonly parts: ChooserParts) {
    this.#groups = new CallGroups(parts.pools, parts.random);
  }

  pick(call: CallRecord): PickResult<Endpoint> {
    const view = this.#view;
    if (view.status === 'pending') return waits(call, 'registry');
    if (view.status === 'failed') return { fail: this.#failure(view, [], 'default') };
    try {
      return this.#choose(call, view);
    } catch (error) {
      // A picker of the user's: grpc-js would take what it throws out of the process.
      return { fail: pickerFailed(this.parts.service, error) };
    }
  }

  #choose(call: CallRecord, view: KnownView): PickResult<Endpoint> {
    if (call.ended) restart(call);
    const at = this.#timeOf(call);
    this.parts.clock.reach(at);
    const groups = this.#groups.of(call, view.route);
    for (let i = 0; i < groups.length; i += 1) {
      const pool = this.parts.pools.get(groups[i]!);
      if (!pool || pool.missing) continue;
      const endpoint = pool.pick(call);
      if (endpoint) {
        const { instance } = endpoint;
        call.instance = instance;
        const rule = ruleOf(call, groups, i, view.route);
        this.#picks.record(at, instance, groups, i, rule, call.attempts + 1);
        if (call.waitingFor) call.waitingFor = undefined;
        return { pick: endpoint };
      }
      if (pool.usable > 0 && !call.skip) throw new Error(`it chose nobody of ${pool.usable} that it was given`);
      const onlyOne = groups.slice(i + 1).every((other) => this.parts.pools.get(other)?.missing ?? true);
      if (pool.usable === 0 && (onlyOne || !this.#movesOn(call))) return waits(call, 'connection');
    }
    if (call.skip && !call.processed) {
      // Whoever refused it is better than nobody.
      delete call.skip;
      return this.#choose(call, view);
    }
    return call.waitForReady
      ? waits(call, 'instance')
      : { fail: this.#failure(view, groups, ruleOf(call, groups, groups.length - 1, view.route)) };
  }

  /** Reading the clock costs more than the pick: most calls are picked when they are made. */
  #timeOf(call: CallRecord): number {
    const late = call.attempts > 0 || call.waitingFor !== undefined;
    return late ? this.parts.time.now() : (call.madeAt ?? this.parts.time.now());
  }

  explain(call: ExplainedCall): ChannelReport {
    const { groups: clientGroups, name, zone, pools, endpoints } = this.parts;
    const view = this.#view;
    return reportChannel({
      call: { ...call, clientGroups },
      name,
      view,
      groups: this.#groups,
      pools,
      endpoints: endpoints(),
      picks: this.#picks,
      now: this.parts.time.now(),
      zone,
      failure: (groups, rule) => this.#failure(view, groups, rule),
    });
  }

  /** A call has waited long enough for a group that is only connecting, and may try its next group. */
  #movesOn(call: CallRecord): boolean {
    const now = this.parts.time.now();
    call.waitingSince ??= now;
    const patience = Math.min(MOVE_ON_MS, (call.deadline - call.waitingSince) / 4);
    const left = call.waitingSince + patience - now;
    if (left <= 0) return true;
    if (now + left < this.#moveOnAt) this.#moveOnAfter(left);
    return false;
  }

  /** One timer, for the call whose patience ends first: the others set it anew when they are asked again. */
  #moveOnAfter(ms: number): void {
    this.#moveOn?.[Symbol.dispose]();
    this.#moveOnAt = this.parts.time.now() + ms;
    this.#moveOn = this.parts.time.after(ms, () => {
      this.#moveOnAt = Infinity;
      this.parts.changed();
    });
  }

  #failure(view: ServiceView, groups: readonly string[], rule: GroupRule): CallFailure {
    const { service, directory, pools } = this.parts;
    if (view.status === 'failed')
      return { reason: 'ROOKERY_VIEW_FAILED', service, details: withoutAddresses(messageOf(view.error)) };
    if (pools.groups().size === 0) return noInstance(service, directory.registry.name);
    return groupMissing(service, groups, pools.groups(), { lastError: this.lastError, rule });
  }

  close(): void {
    this.#moveOn?.[Symbol.dispose]();
  }

  get #view(): ServiceView {
    return this.parts.directory.view(this.parts.service);
  }
}

function waits(call: CallRecord, reason: Waiting): PickResult<Endpoint> {
  call.waitingFor = reason;
  return { wait: true };
}
