import type { ServiceDelta } from './change.js';
import type { CallFailure, CallRecord, PickResult } from './call.js';
import type { Directory } from './directory.js';
import { Endpoint, HOPELESS, type Connection, type EndpointState } from './endpoint.js';
import { messageOf } from './errors.js';
import type { EventSink } from './event.js';
import { GroupPool } from './group-pool.js';
import { ANY_GROUP, UNGROUPED, type ServiceInstance } from './instance.js';
import type { PickerFactory } from './picker.js';
import { weighted } from './pickers/weighted.js';
import { DEFAULT_ROUTE, type GroupRoute } from './route.js';
import { SplitChooser } from './split.js';
import type { Random, Time } from './time.js';

/** A call moves on from a group that is only connecting after this long, ms, or a quarter of the time it has left. */
const MOVE_ON_MS = 250;

/** How many groups the message of a failed call names. */
const NAMED_GROUPS = 10;

/** One per channel: owns the endpoints of a service and answers who takes a call. */
export interface Balancer {
  pick(call: CallRecord): PickResult<Endpoint>;
  /** Some endpoint is ready, or may yet be. */
  readonly state: 'ready' | 'connecting' | 'failed';
  /** Hears when a waiting call could fare differently. */
  onChange(listener: () => void): Disposable;
  /** The transport tells what became of an endpoint's connection. Takes effect before it returns. */
  report(endpoint: Endpoint, state: EndpointState, error?: string): void;
  /** The other side says that it takes no new calls, whatever the registry holds. */
  reportDraining(endpoint: Endpoint): void;
  /** The other side has no health service; it counts as healthy, and this says so. */
  reportUnchecked(endpoint: Endpoint): void;
  endpoints(): IterableIterator<Endpoint>;
  close(): void;
}

export interface BalancerOptions {
  readonly service: string;
  readonly directory: Directory;
  /** Opens the connection of an endpoint; it reports to the balancer, never before `connect` has returned. */
  readonly connect: (endpoint: Endpoint) => Connection;
  readonly time: Time;
  readonly random: Random;
  /** Default `weighted`. */
  readonly picker?: PickerFactory;
  readonly emit?: EventSink;
}

export function createBalancer(options: BalancerOptions): Balancer {
  return new ServiceBalancer(options);
}

class ServiceBalancer implements Balancer {
  readonly #endpoints = new Map<string, Endpoint>();
  /** Which address an instance stood at last. */
  readonly #addresses = new Map<string, string>();
  readonly #pools = new Map<string, GroupPool>();
  readonly #groupOf = new Map<Endpoint, string>();
  readonly #split: SplitChooser;
  readonly #listeners = new Set<() => void>();
  readonly #subscription: Disposable;
  readonly #picker: PickerFactory;
  /** Everything by plain weight; made when the first call asks for it. */
  #all: GroupPool | undefined;
  #moveOn: Disposable | undefined;
  #moveOnAt = Infinity;
  #lastError: string | undefined;

  constructor(private readonly options: BalancerOptions) {
    this.#picker = options.picker ?? weighted;
    this.#split = new SplitChooser(options.random);
    this.#subscription = options.directory.subscribe(options.service, (deltas) => this.#follow(deltas));
    const view = this.#view;
    if (view.status === 'known') for (const instance of view.instances.values()) this.#set(instance, undefined);
  }

  get state(): 'ready' | 'connecting' | 'failed' {
    const pools = [...this.#pools.values()];
    if (pools.some((pool) => pool.usable > 0)) return 'ready';
    return this.#view.status === 'pending' || pools.some((pool) => !pool.missing) ? 'connecting' : 'failed';
  }

  get #view() {
    return this.options.directory.view(this.options.service);
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  pick(call: CallRecord): PickResult<Endpoint> {
    const view = this.#view;
    if (view.status === 'pending') return { wait: true };
    if (view.status === 'failed') {
      return {
        fail: {
          reason: 'ROOKERY_VIEW_FAILED',
          service: this.options.service,
          details: withoutAddresses(messageOf(view.error)),
        },
      };
    }
    const groups = this.#groupsOf(call, view.route ?? DEFAULT_ROUTE);
    for (let i = 0; i < groups.length; i += 1) {
      const pool = this.#pool(groups[i]!);
      if (!pool || pool.missing) continue;
      const endpoint = pool.pick(call);
      if (endpoint) {
        call.attempts += 1;
        call.instance = endpoint.instance.id;
        return { pick: endpoint };
      }
      const onlyOne = groups.slice(i + 1).every((other) => this.#pool(other)?.missing ?? true);
      if (pool.usable === 0 && (onlyOne || !this.#movesOn(call))) return { wait: true };
    }
    return call.waitForReady ? { wait: true } : { fail: this.#failure(groups) };
  }

  report(endpoint: Endpoint, state: EndpointState, error?: string): void {
    if (!this.#groupOf.has(endpoint)) return;
    // What failed or is unhealthy stays so while it tries again: calls do not wait for what could not serve just now.
    const trying = state === 'connecting' || state === 'verifying';
    const stays = trying && HOPELESS.includes(endpoint.state) && endpoint.state !== 'impostor';
    const shown = stays ? endpoint.state : state;
    // It was the connection that said so, and it is gone.
    if (state === 'connecting' || state === 'failed' || state === 'impostor') endpoint.draining = false;
    if (error !== undefined) endpoint.error = this.#lastError = withoutAddresses(error);
    if (shown === endpoint.state) return;
    if (shown === 'ready') endpoint.error = this.#lastError = undefined;
    const previous = endpoint.state;
    endpoint.state = shown;
    const { id, address, service } = endpoint.instance;
    const { error: why } = endpoint;
    this.options.emit?.({ type: 'endpoint.changed', service, id, address, state: shown, previous, error: why });
    if (this.#place(endpoint)) this.#changed();
  }

  reportDraining(endpoint: Endpoint): void {
    if (endpoint.draining || !this.#groupOf.has(endpoint)) return;
    endpoint.draining = true;
    if (this.#place(endpoint)) this.#changed();
  }

  reportUnchecked(endpoint: Endpoint): void {
    const { id, address, service } = endpoint.instance;
    if (this.#groupOf.has(endpoint)) this.options.emit?.({ type: 'health.unchecked', service, id, address });
  }

  *endpoints(): IterableIterator<Endpoint> {
    yield* this.#endpoints.values();
  }

  close(): void {
    this.#subscription[Symbol.dispose]();
    this.#moveOn?.[Symbol.dispose]();
    for (const endpoint of this.#endpoints.values()) this.#drop(endpoint);
    this.#listeners.clear();
  }

  #follow(deltas: readonly ServiceDelta[]): void {
    for (const delta of deltas) {
      if (delta.type === 'added') this.#set(delta.instance, undefined);
      else if (delta.type === 'changed') this.#set(delta.instance, delta.previous);
      else if (delta.type === 'removed') this.#delete(delta.instance);
    }
    this.#changed();
  }

  #set(instance: ServiceInstance, previous: ServiceInstance | undefined): void {
    if (previous && previous.address !== instance.address) this.#delete(previous);
    this.#addresses.set(instance.id, instance.address);
    const endpoint = this.#endpoints.get(instance.address);
    if (!endpoint) {
      const added = new Endpoint(instance);
      this.#endpoints.set(instance.address, added);
      this.#place(added);
      added.connection = this.options.connect(added);
      return;
    }
    const before = endpoint.instance;
    endpoint.set(instance);
    this.#instanceChanged(endpoint, before);
  }

  #delete(instance: ServiceInstance): void {
    const address = this.#addresses.get(instance.id);
    const endpoint = address === undefined ? undefined : this.#endpoints.get(address);
    if (!endpoint) return;
    this.#addresses.delete(instance.id);
    const before = endpoint.instance;
    if (endpoint.delete(instance.id)) this.#drop(endpoint);
    else this.#instanceChanged(endpoint, before);
  }

  #instanceChanged(endpoint: Endpoint, before: ServiceInstance): void {
    if (endpoint.instance === before) return;
    endpoint.connection?.instanceChanged(before);
    this.#place(endpoint);
  }

  #drop(endpoint: Endpoint): void {
    this.#endpoints.delete(endpoint.address);
    this.#leave(endpoint);
    this.#all?.remove(endpoint);
    endpoint.connection?.close();
  }

  /** Puts an endpoint where it belongs; says whether a waiting call could fare differently. */
  #place(endpoint: Endpoint): boolean {
    const { group } = endpoint.instance;
    const moved = this.#groupOf.get(endpoint) !== group;
    if (moved) this.#leave(endpoint);
    this.#groupOf.set(endpoint, group);
    let pool = this.#pools.get(group);
    if (!pool) this.#pools.set(group, (pool = new GroupPool(this.#picker, this.options.random)));
    this.#all?.place(endpoint);
    return pool.place(endpoint) || moved;
  }

  #leave(endpoint: Endpoint): void {
    const group = this.#groupOf.get(endpoint);
    if (group === undefined) return;
    this.#groupOf.delete(endpoint);
    const pool = this.#pools.get(group);
    pool?.remove(endpoint);
    if (pool?.size === 0) this.#pools.delete(group);
  }

  #pool(group: string): GroupPool | undefined {
    if (group !== ANY_GROUP) return this.#pools.get(group);
    if (!this.#all) {
      this.#all = new GroupPool(this.#picker, this.options.random);
      for (const endpoint of this.#endpoints.values()) this.#all.place(endpoint);
    }
    return this.#all;
  }

  /** The call, else its client, else the route of the service, else ungrouped; a lane before them. */
  #groupsOf(call: CallRecord, route: GroupRoute): readonly string[] {
    if (call.groups) return call.groups;
    const groups = call.clientGroups ?? this.#routed(route);
    return call.lane === undefined || groups[0] === call.lane ? groups : [call.lane, ...groups];
  }

  #routed(route: GroupRoute): readonly string[] {
    if (route.type === 'prefer') return route.groups;
    if (route.type === 'any') return [ANY_GROUP];
    const groups = Object.keys(route.shares).filter((group) => route.shares[group]! > 0);
    const usable = (group: string) => (this.#pools.get(group)?.usable ?? 0) > 0;
    const hopeful = (group: string) => !(this.#pools.get(group)?.missing ?? true);
    const group = this.#split.choose(route.shares, usable) ?? groups.find(hopeful);
    return group === undefined ? groups : [group];
  }

  /** A call has waited long enough for a group that is only connecting, and may try its next group. */
  #movesOn(call: CallRecord): boolean {
    const now = this.options.time.now();
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
    this.#moveOnAt = this.options.time.now() + ms;
    this.#moveOn = this.options.time.after(ms, () => {
      this.#moveOnAt = Infinity;
      this.#changed();
    });
  }

  #failure(groups: readonly string[]): CallFailure {
    const { service } = this.options;
    if (this.#endpoints.size === 0) {
      return {
        reason: 'ROOKERY_INSTANCE_NONE',
        service,
        details: `${service}: no instance is registered in ${withoutAddresses(this.options.directory.registry.name)}.`,
      };
    }
    const present = this.#present();
    const hint =
      groups.length === 1 && groups[0] === UNGROUPED && !this.#pools.has(UNGROUPED)
        ? ' A call without a group reaches only ungrouped instances: name a group, or "*" for all.'
        : '';
    const error = this.#lastError ? ` Last error: ${this.#lastError}.` : '';
    const details = `${service}: no usable instance in ${groups.slice(0, NAMED_GROUPS).map(groupName).join(', then ')}; present: ${present}.${error}${hint}`;
    return { reason: 'ROOKERY_GROUP_MISSING', service, details };
  }

  /** The groups that exist, the first ten of them: every failed call pays for this text. */
  #present(): string {
    const named: string[] = [];
    for (const [group, { size, unhealthy }] of this.#pools) {
      if (named.length === NAMED_GROUPS)
        return `${named.join(', ')} and ${this.#pools.size - named.length} more groups`;
      named.push(`${groupName(group)} (${size}${unhealthy > 0 ? `, ${unhealthy} unhealthy` : ''})`);
    }
    return named.join(', ');
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function groupName(group: string): string {
  return group === UNGROUPED ? 'ungrouped' : group === ANY_GROUP ? 'any group' : `group '${group}'`;
}

/** Messages go to callers of other teams: they name no address of the network behind. */
function withoutAddresses(error: string): string {
  return error.replaceAll(/(?:\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}\b|\bunix:\S+/gi, '<address>').replace(/\.$/, '');
}
