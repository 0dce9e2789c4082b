import { Logger } from '@nestjs/common';
import { messageOf } from '../core/errors.js';
import type { RookeryEvent } from '../core/event.js';
import { Unreached } from './unreached.js';

/** Tells people what Rookery does: one line per change of state, nothing per call. */
export class EventLog {
  readonly #logger = new Logger('Rookery');
  readonly #states = new Map<string, string>();
  readonly #stale = new Set<string>();
  /** Instances that do not say that they serve, whichever client has asked. */
  readonly #unhealthy = new Set<string>();
  /** Instances that some client has ejected; the others do not tell it again. */
  readonly #ejected = new Set<string>();
  readonly #unreached = new Unreached();
  /** Services with servers that have no health service. */
  readonly #unchecked = new Set<string>();
  /** Services that a snapshot answers for. */
  readonly #snapshots = new Set<string>();
  /** Services whose snapshot was of no use. */
  readonly #ignored = new Set<string>();

  constructor(private readonly registry: string) {}

  readonly listen = (event: RookeryEvent): void => {
    switch (event.type) {
      case 'registration.changed':
        return this.#registration(event);
      case 'registration.amended':
        return this.#logger.log(`${event.service}: an operator changed ${event.fields.join(', ')}; kept`);
      case 'registration.restored':
        return this.#logger.warn(
          `${event.service}: ${event.reason}; restored. To take an instance out, drain it or give it weight 0.`,
        );
      case 'watch.broken':
        return this.#broken(event);
      case 'entry.unwritten':
        return this.#logger.warn(`${event.service}: ${event.place} is not written: ${messageOf(event.error)}`);
      case 'source.failed':
      case 'source.restored':
        return this.#source(event);
      case 'listener.failed':
        return this.#logger.error(`${event.service}: a listener failed: ${messageOf(event.error)}`);
      case 'view.changed':
        return this.#back(event.service);
      case 'view.protected':
        return this.#logger.warn(
          `${event.service}: ${this.registry} has lost ${event.instances} connected instance${event.instances > 1 ? 's' : ''}; kept while the connections hold`,
        );
      case 'endpoint.suspect':
        return this.#logger.warn(`${event.service}: ${event.address} is silent while others answer; asking it`);
      case 'mux.broken':
        return this.#logger.warn(
          `${event.service}: mux to ${event.address} broke off (${event.error}); its calls go one by one`,
        );
      case 'endpoint.ejected':
      case 'endpoint.restored':
        return this.#ejection(event);
      case 'group.panicked':
        return this.#logger.warn(
          `${event.service}: every instance ${event.group ? `of group ${event.group}` : 'without a group'} that could take calls is ejected; calls go to them all the same`,
        );
      case 'snapshot.used':
        return this.#snapshot(event);
      case 'snapshot.ignored':
        if (!this.#ignored.has(event.service)) this.#logger.warn(`${event.service}: ${event.error.message}`);
        this.#ignored.add(event.service);
        return;
      case 'snapshot.failed':
        return this.#logger.warn(`${event.service}: ${event.error.message}`);
      case 'view.failed':
        return this.#logger.error(`${event.service}: ${event.error.message}`);
      case 'entry.malformed':
        return this.#logger.warn(`skipped: ${event.error.message}`);
      case 'endpoint.changed':
        return this.#endpoint(event);
      case 'health.unchecked':
        if (!this.#unchecked.has(event.service))
          this.#logger.warn(`${event.service}: ${event.address} has no health service; it counts as healthy`);
        this.#unchecked.add(event.service);
        return;
      case 'instance.removed':
        this.#unhealthy.delete(`${event.service}/${event.id}`);
        this.#ejected.delete(`${event.service}/${event.id}`);
        this.#unreached.back(event.service, event.id);
        return;
      default:
        event satisfies never;
    }
  };

  #endpoint(event: Extract<RookeryEvent, { type: 'endpoint.changed' }>): void {
    const { service, id, address, state, previous, error } = event;
    const key = `${service}/${id}`;
    if (state === 'impostor') this.#logger.warn(`${service}: ${address}: ${error}; no call goes there`);
    else if (state === 'unhealthy' && !this.#unhealthy.has(key)) {
      this.#unhealthy.add(key);
      this.#logger.warn(`${service}: ${address}: ${error}; no call goes there until it serves`);
    } else if (previous === 'unhealthy' && this.#unhealthy.delete(key) && state === 'ready')
      // Other clients, which do not ask for health, have nothing to say of it.
      this.#logger.log(`${service}: ${address} serves again`);
    this.#reach(event);
  }

  #reach({ service, id, address, state, error }: Extract<RookeryEvent, { type: 'endpoint.changed' }>): void {
    if (state === 'failed') {
      const told = this.#unreached.away(service, id);
      if (told === 'named') this.#logger.warn(`${service}: ${address} cannot be reached: ${error}; no call goes there`);
      if (told === 'counted')
        this.#logger.warn(`${service}: more instances cannot be reached; they are not named while so many are away`);
    } else if (state === 'ready' && this.#unreached.back(service, id))
      this.#logger.log(`${service}: ${address} is reached again`);
  }

  #ejection(event: Extract<RookeryEvent, { type: 'endpoint.ejected' | 'endpoint.restored' }>): void {
    const { service, id, address } = event;
    const key = `${service}/${id}`;
    const known = this.#ejected.has(key);
    if (event.type === 'endpoint.restored') {
      if (this.#ejected.delete(key)) this.#logger.log(`${service}: ${address} gets calls again`);
    } else if (!known) {
      this.#ejected.add(key);
      const why = WHY_EJECTED[event.reason];
      this.#logger.warn(`${service}: ${address} ${why}; no call goes there for ${seconds(event.forMs)} s`);
    }
  }

  #snapshot({ service, instances, ageMs }: Extract<RookeryEvent, { type: 'snapshot.used' }>): void {
    this.#snapshots.add(service);
    const known = `${instances} instance${instances > 1 ? 's' : ''}, ${ageOf(ageMs)} old`;
    this.#logger.warn(`${service}: ${this.registry} has not answered; calls go by a snapshot of ${known}`);
  }

  #back(service: string): void {
    const stale = this.#stale.delete(service);
    if (this.#snapshots.delete(service) || stale) this.#logger.log(`${service}: ${this.registry} is back`);
  }

  #broken({ service, error, stale }: Extract<RookeryEvent, { type: 'watch.broken' }>): void {
    if (this.#stale.has(service)) return;
    this.#stale.add(service);
    const meanwhile = stale ? 'calls go by the last view' : 'calls wait for it';
    this.#logger.warn(`${service}: ${this.registry} cannot be read (${messageOf(error)}); ${meanwhile}, trying on`);
  }

  #source(event: Extract<RookeryEvent, { type: 'source.failed' | 'source.restored' }>): void {
    const place = event.service === undefined ? event.source : `${event.service}: ${event.source}`;
    if (event.type === 'source.restored') return this.#logger.log(`${place} is back`);
    this.#logger.warn(`${place} cannot be read (${messageOf(event.error)}); what it said last counts, trying on`);
  }

  #registration({ service, id, state, error }: Extract<RookeryEvent, { type: 'registration.changed' }>): void {
    const key = `${service}/${id}`;
    const before = this.#states.get(key);
    if (state === 'released') this.#states.delete(key);
    else this.#states.set(key, state);
    const why = error === undefined ? '' : `: ${messageOf(error)}`;
    if (state === 'registered')
      this.#logger.log(before === 'recovering' ? `${service} is registered again` : `${service} is registered`);
    else if (state === 'superseded')
      this.#logger.error(`ROOKERY_REGISTRATION_SUPERSEDED: ${service}: another process holds the key of ${id}${why}`);
    // A registry that is silent may well hold the entry: a lease outlives many unanswered questions.
    else if (state === 'recovering')
      this.#logger.warn(`${service} cannot confirm its registration; serving, and trying on${why}`);
    else if (state === 'registering' && why)
      this.#logger.warn(`${service} is not registered; serving, and trying on${why}`);
  }
}

const WHY_EJECTED = {
  'consecutive-failures': 'fails time after time',
  'success-rate': 'fails far more often than its group',
} as const;

const seconds = (ms: number) => Math.round(ms / 100) / 10;

function ageOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
