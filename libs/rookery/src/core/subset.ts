import { HOPELESS, type Endpoint } from './endpoint.js';
import { RookeryError, show } from './errors.js';
import { murmur3 } from './hash.js';
import { isServing } from './instance.js';
import type { Time } from './time.js';
import { byRank, RankedList, ranksBefore, type Ranked } from './ranked-list.js';

/** To how many instances of a group a client connects, where nobody says otherwise. */
export const DEFAULT_SUBSET = 200;

/** How often some of the failed ones that rest have their turn, ms: longer than a connection may take to be made. */
const TURN_MS = 2500;

/**
 * How an endpoint counts in its group: `off` is given no new call, whatever its connection does (weight 0, draining, ejected);
 * `failed` has a connection that failed, or to somebody who is not well; `hopeful` is not connected, or not yet ready.
 */
type Standing = 'off' | 'failed' | 'hopeful' | 'ready';

interface Member extends Ranked {
  readonly endpoint: Endpoint;
  group: Group;
  standing: Standing;
  /** It has a connection. */
  chosen: boolean;
  /** In which look at its group it was seen last. */
  seen: number;
}

interface Group {
  readonly name: string;
  readonly members: RankedList<Member>;
  /** Not in the list yet. */
  fresh: Member[];
  readonly chosen: Set<Member>;
  /** Failed ones that have a connection, which goes on trying; whoever has tried longest stands first. */
  readonly trying: Set<Member>;
  /** Failed ones that have none; whoever has rested longest stands first. */
  readonly resting: Set<Member>;
  /** Whoever ranks behind it is not needed; absent where all are. */
  last: Member | undefined;
  /** Somebody who matters has changed. */
  stale: boolean;
}

export interface SubsetOptions {
  readonly time: Time;
  /** How many of each group; Infinity = all. */
  readonly size: number;
  /** Which ones they are: each client has a seed of its own. */
  readonly seed: number;
  /** Opens its connection; one that has failed stays so until it is ready. */
  readonly connect: (endpoint: Endpoint) => void;
  /** Closes its connection; calls that run on it finish. */
  readonly letGo: (endpoint: Endpoint) => void;
  /** Closes the connection of one that failed; it stays failed. */
  readonly rest: (endpoint: Endpoint) => void;
}

/**
 * Which endpoints of a service a client connects to: of each group the first ones by rank, a hash of the address and of
 * the client's seed (rendezvous hashing; gRFC A68). Clients choose independently of each other, and one instance more or
 * less changes one connection of theirs.
 *
 * The first `size` of a group are connected, and behind them as many as are needed for `size` that take calls and have
 * not failed. A failed one that ranks before the last of these goes on trying; one of weight 0, draining, or ejected, keeps the
 * connection that it has. One that is ready is let go only where `size` ready ones rank before it: nobody is given up
 * for a connection that is not made yet.
 *
 * So at most `size` are being connected at a time. Where more than `size` have failed, `size` of them at a time go on
 * trying, in turn: ten thousand that are dead must not keep a client busy.
 */
export class Subset {
  readonly #members = new Map<Endpoint, Member>();
  readonly #groups = new Map<string, Group>();
  readonly #changed = new Set<Group>();
  #batched = false;
  #turn: Disposable | undefined;
  #looks = 0;

  constructor(private readonly options: SubsetOptions) {}

  /** Has all that `change` does count as one change. */
  batch(change: () => void): void {
    if (this.#batched) return change();
    this.#batched = true;
    try {
      change();
      for (const group of this.#changed) this.#settle(group);
    } finally {
      this.#batched = false;
    }
  }

  /** An endpoint is there, or may count otherwise than before. */
  placed(endpoint: Endpoint): void {
    const known = this.#members.get(endpoint);
    const standing = standingOf(endpoint);
    const moved = known?.group.name !== endpoint.instance.group;
    if (!moved && known.standing === standing) return;
    if (known && moved) this.#leave(known);
    const member = known ?? this.#join(endpoint);
    member.standing = standing;
    if (!moved) this.#file(member);
    if (moved) this.#enter(member, this.#group(endpoint.instance.group));
    else this.#note(member);
    this.#settleNow();
  }

  removed(endpoint: Endpoint): void {
    const member = this.#members.get(endpoint);
    if (!member) return;
    this.#members.delete(endpoint);
    this.#leave(member);
    this.#settleNow();
  }

  close(): void {
    this.#turn?.[Symbol.dispose]();
  }

  #join(endpoint: Endpoint): Member {
    const { address } = endpoint;
    const rank = murmur3(address, this.options.seed);
    const group = this.#group(endpoint.instance.group);
    const member: Member = { endpoint, address, rank, group, standing: 'hopeful', chosen: false, seen: 0 };
    this.#members.set(endpoint, member);
    return member;
  }

  #group(name: string): Group {
    let group = this.#groups.get(name);
    if (group) return group;
    const sets = { chosen: new Set<Member>(), trying: new Set<Member>(), resting: new Set<Member>() };
    group = { name, members: new RankedList(), fresh: [], ...sets, last: undefined, stale: false };
    this.#groups.set(name, group);
    return group;
  }

  #enter(member: Member, group: Group): void {
    member.group = group;
    group.fresh.push(member);
    if (member.chosen) group.chosen.add(member);
    this.#file(member);
    this.#changed.add(group);
    this.#note(member);
  }

  #leave(member: Member): void {
    const { group } = member;
    this.#note(member);
    this.#changed.add(group);
    if (group.fresh.includes(member)) group.fresh = group.fresh.filter((other) => other !== member);
    else group.members.remove(member);
    for (const set of [group.chosen, group.trying, group.resting]) set.delete(member);
    if (group.last === member) group.last = undefined;
  }

  /** What becomes of somebody behind the last one, who is not connected, changes nothing. */
  #note({ group, chosen, rank, address }: Member): void {
    if (!chosen && group.last && ranksBefore(group.last, { rank, address })) return;
    group.stale = true;
    this.#changed.add(group);
  }

  #settleNow(): void {
    if (!this.#batched) this.batch(() => {});
  }

  #settle(group: Group): void {
    // Before anything else: what is done here may be told of here.
    this.#changed.delete(group);
    const { fresh, stale, members, chosen } = group;
    group.fresh = [];
    group.stale = false;
    members.addAll(fresh);
    if (members.size === 0) this.#groups.delete(group.name);
    if (!stale) return;
    if (members.size > this.options.size) return this.#look(group);
    group.last = undefined;
    if (chosen.size === members.size) return;
    // In the order in which they came, where these are all that is missing.
    const all = chosen.size + fresh.length === members.size;
    for (const member of all ? fresh : members) if (!member.chosen) this.#choose(member);
  }

  /** Goes through the group by rank, for as far as somebody is needed. */
  #look(group: Group): void {
    const { size } = this.options;
    const { members } = group;
    const look = (this.#looks += 1);
    const needed: Member[] = [];
    let [index, hopeful, ready] = [0, 0, 0];
    for (; index < members.size && hopeful < size; index += 1) {
      const member = members.at(index);
      member.seen = look;
      if (member.standing === 'hopeful' || member.standing === 'ready') hopeful += 1;
      if (member.standing === 'ready') ready += 1;
      // One that failed and has no connection has its turn.
      if (member.chosen || member.standing === 'failed') continue;
      if (member.standing !== 'off' || index < size) needed.push(member);
    }
    group.last = index < members.size ? members.at(index - 1) : undefined;
    const behind = [...group.chosen].filter(({ seen }) => seen !== look).sort(byRank);
    const kept = new Set(behind.filter(({ standing }) => standing === 'ready').slice(0, size - ready));
    for (const member of needed) this.#choose(member);
    for (const member of behind) if (!kept.has(member)) this.#letGo(member);
    this.#limitTrying(group);
  }

  /** Counts a failed one among those that try, or rest. */
  #file(member: Member): void {
    const { trying, resting } = member.group;
    const set = member.standing !== 'failed' ? undefined : member.chosen ? trying : resting;
    for (const other of [trying, resting]) if (other !== set) other.delete(member);
    set?.add(member);
  }

  #limitTrying({ trying, chosen, resting }: Group): void {
    for (const member of trying) {
      if (trying.size <= this.options.size) break;
      member.chosen = false;
      chosen.delete(member);
      this.#file(member);
      this.options.rest(member.endpoint);
    }
    if (resting.size > 0) this.#turn ??= this.options.time.after(TURN_MS, this.#giveTurns);
  }

  readonly #giveTurns = (): void => {
    this.#turn = undefined;
    this.batch(() => {
      for (const group of this.#groups.values()) {
        for (const member of [...group.resting].slice(0, this.options.size)) {
          if (group.last && ranksBefore(group.last, member)) this.#letGo(member);
          else this.#choose(member);
        }
        this.#limitTrying(group);
      }
    });
  };

  #choose(member: Member): void {
    // One that is let go may be dropped, and somebody restored, while others are still to be looked at.
    if (!this.#members.has(member.endpoint)) return;
    member.chosen = true;
    member.group.chosen.add(member);
    this.#file(member);
    this.options.connect(member.endpoint);
  }

  #letGo(member: Member): void {
    if (!this.#members.has(member.endpoint)) return;
    member.chosen = false;
    member.group.chosen.delete(member);
    this.options.letGo(member.endpoint);
  }
}

function standingOf({ instance, draining, ejectedUntil, state, suspect }: Endpoint): Standing {
  if (!isServing(instance) || draining) return 'off';
  if (HOPELESS.includes(state)) return 'failed';
  if (ejectedUntil !== undefined) return 'off';
  return state === 'ready' && !suspect ? 'ready' : 'hopeful';
}

/**
 * A whole number from 1; 0 and false stand for all.
 * @returns Infinity for all
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function checkSubset(value: unknown, path: string): number {
  if (value === false || value === 0) return Infinity;
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `found ${show(value)}.`,
    remedy: 'Use a whole number from 1: how many instances of a group to connect to; 0 or false for all.',
  });
}
