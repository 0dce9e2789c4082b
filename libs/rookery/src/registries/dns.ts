import { setMaxListeners } from 'node:events';
import { messageOf, RookeryError } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { checkName, createInstance, type ServiceInstance } from '../core/instance.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities } from '../core/registry.js';
import { pause, type Time } from '../core/time.js';
import { systemTime } from '../system/time.js';
import type { ChangeBatch } from './change-queue.js';
import { ServiceLookup, type Listing } from './dns/lookup.js';
import { checkDnsOptions, type DnsNames, type DnsOptions, type DnsSettings } from './dns/options.js';
import { Resolver } from './dns/resolver.js';
import { candidatesOf, readSearchRules, type SearchRules } from './dns/search.js';
import { listChanges } from './list-changes.js';

export type { DnsNames, DnsOptions } from './dns/options.js';

const RESOLV_CONF = '/etc/resolv.conf';

/**
 * What DNS says: SRV records (`_grpc._tcp.<service>.shop.svc.cluster.local`) with their weights and priorities (RFC 2782), or the addresses
 * of a name (`<service>.svc:50051`). Looked up again when the shortest TTL of an answer has passed. It takes no registrations.
 * @param names one for every service, with `<service>` where its name stands; without it, every service is that name. Or
 * one for each service, in an object: others have no instances.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_NAME_INVALID
 */
export function dns(names: DnsNames, options: DnsOptions = {}): Registry {
  return new DnsRegistry(names, checkDnsOptions(names, options), options.time ?? systemTime);
}

class DnsRegistry implements Registry {
  readonly name: string;
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities = {
    register: false,
    steer: false,
    routes: false,
    push: false,
    lease: false,
    weights: true,
    groups: false,
    propagationMs: 0,
    reach: 'network',
  };
  readonly #closed = new AbortController();
  readonly #resolver: Resolver;
  /** What was told last of each service, by id: a watch that begins again after a fault goes on from there. */
  readonly #shown = new Map<string, ReadonlyMap<string, ServiceInstance>>();
  /** They outlive a watch that broke: a fault must not move a service to another search domain. */
  readonly #lookups = new Map<string, ServiceLookup>();
  /** Records that are of no use, and have been told. */
  readonly #told = new Set<string>();

  constructor(
    names: DnsNames,
    private readonly settings: DnsSettings,
    private readonly time: Time,
  ) {
    const shown =
      typeof names === 'string'
        ? names
        : Object.entries(names)
            .map((pair) => pair.join('='))
            .join(';');
    this.name = `dns:${shown.length > 116 ? `${shown.slice(0, 115)}…` : shown}`;
    const { servers, timeoutMs } = settings;
    this.#resolver = new Resolver({ servers, timeoutMs, time });
  }

  register(): Registration {
    throw new RookeryError('ROOKERY_REGISTRY_READONLY', {
      path: 'registry',
      found: 'found DNS, which takes no registrations.',
      remedy: 'Set register: "never" (ROOKERY_REGISTER=never), or use a registry such as etcd().',
    });
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ChangeBatch> {
    const ends = AbortSignal.any([signal, this.#closed.signal]);
    // Every question that is on its way listens; Node warns of more than ten.
    setMaxListeners(0, ends);
    try {
      const lookup = await this.#lookupOf(checkName(service, 'service'));
      let known: Map<string, ServiceInstance> | undefined;
      while (!ends.aborted) {
        const listing = lookup ? await lookup.look(ends) : NOTHING;
        if (ends.aborted) break;
        const instances = this.#instancesOf(service, listing);
        const batch = known ? changesTo(known, instances, listing) : this.#first(service, instances, listing);
        known = new Map(instances.map((instance) => [instance.id, instance]));
        this.#shown.set(service, known);
        if (batch.length > 0) yield batch;
        await pause(this.time, lookup ? this.#intervalOf(listing) : 2 ** 31 - 1, ends);
      }
    } catch (error) {
      if (!ends.aborted) throw error;
    }
    if (!signal.aborted && this.#closed.signal.aborted) throw closed(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
  }

  async #lookupOf(service: string): Promise<ServiceLookup | undefined> {
    const { questionOf, family } = this.settings;
    const question = questionOf(service);
    if (!question) return undefined;
    const candidates = candidatesOf(question.name, await this.#searchRules());
    const resolver = this.#resolver;
    const kept = this.#lookups.get(service);
    if (kept?.suits(candidates)) return kept;
    const lookup = new ServiceLookup({ resolver, question, candidates, family, onMalformed: this.#malformed });
    this.#lookups.set(service, lookup);
    return lookup;
  }

  async #searchRules(): Promise<SearchRules> {
    const { search, ndots } = this.settings;
    const { domains, ndots: usual } = await readSearchRules(RESOLV_CONF);
    return { domains: search ?? domains, ndots: ndots ?? usual };
  }

  /** A reset alone would say of those who make room that they are lost. */
  #first(service: string, instances: readonly ServiceInstance[], { spare }: Listing): ChangeBatch {
    const shown = [...(this.#shown.get(service)?.values() ?? [])];
    const room = shown.filter(({ address }) => spare.has(address));
    return [
      { type: 'reset', instances: [...instances, ...room] },
      ...room.map(({ id }) => ({ type: 'delete', id, cause: 'left' }) as const),
    ];
  }

  #instancesOf(service: string, { instances }: Listing): ServiceInstance[] {
    const { secure } = this.settings;
    return instances.flatMap(({ address, weight }) => {
      try {
        return [createInstance({ id: address, service, address, weight, secure })];
      } catch (error) {
        this.#malformed(address, error instanceof Error ? error : new Error(messageOf(error)));
        return [];
      }
    });
  }

  #intervalOf({ ttlMs }: Listing): number {
    const { minTtlMs, maxTtlMs } = this.settings;
    return Math.min(maxTtlMs, Math.max(minTtlMs, ttlMs ?? minTtlMs));
  }

  readonly #malformed = (place: string, error: Error): void => {
    const text = `${place} ${error.message}`;
    if (this.#told.has(text)) return;
    if (this.#told.size >= 1000) this.#told.clear();
    this.#told.add(text);
    this.events.emit({ type: 'entry.malformed', place: `${this.name} ${place}`, error });
  };
}

/** DNS does not say why somebody is gone; but it says that somebody is there and has to wait. */
function changesTo(
  known: ReadonlyMap<string, ServiceInstance>,
  instances: readonly ServiceInstance[],
  { spare }: Listing,
): ChangeBatch {
  return listChanges(known, instances, ({ address }) => (spare.has(address) ? 'left' : 'lost'));
}

const NOTHING: Listing = { instances: [], spare: new Set() };

function closed(path: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_CLOSED', {
    path,
    found: 'the registry was used after it was closed.',
    remedy: 'Keep the application, or the registry, open for as long as calls are made.',
  });
}
