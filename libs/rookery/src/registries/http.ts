import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { RookeryError } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { checkName, type ServiceInstance } from '../core/instance.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities } from '../core/registry.js';
import { pause, type Random, type Time } from '../core/time.js';
import { systemTime } from '../system/time.js';
import type { ChangeBatch } from './change-queue.js';
import { checkHttpOptions, type HttpOptions, type HttpSettings } from './http/options.js';
import { RemoteList, WAIT_MS, type Look } from './http/remote-list.js';
import { listChanges } from './list-changes.js';
import { redactUrl } from './url-error.js';

export type { HttpHeaders, HttpOptions, HttpTls } from './http/options.js';

/** Between two changes that a server was asked to wait for, at the least, ms. */
const BREATH_MS = 100;

/**
 * A list of instances that an HTTP server gives as JSON, asked for again and again; it takes no registrations.
 * @param url with `<service>` where the name of the service stands, or with an empty parameter `service=`; without
 * either, one list of all services
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function http(url: string, options: HttpOptions = {}): Registry {
  const settings = checkHttpOptions(url, options);
  return new HttpRegistry(redactUrl(url), settings, options.time ?? systemTime, options.random ?? Math.random);
}

class HttpRegistry implements Registry {
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities = {
    register: false,
    steer: false,
    routes: false,
    push: false,
    lease: false,
    weights: true,
    groups: true,
    propagationMs: 0,
    reach: 'network',
  };
  readonly #closed = new AbortController();
  readonly #lists = new Map<string, { readonly list: RemoteList; readonly watches: number }>();
  readonly #agent: Agent;

  constructor(
    readonly name: string,
    private readonly settings: HttpSettings,
    private readonly time: Time,
    private readonly random: Random,
  ) {
    const secure = /^https:/i.test(name);
    this.#agent = secure ? new SecureAgent({ keepAlive: true, ...settings.tls }) : new Agent({ keepAlive: true });
  }

  register(): Registration {
    throw new RookeryError('ROOKERY_REGISTRY_READONLY', {
      path: 'registry',
      found: `found ${this.name}, which takes no registrations.`,
      remedy: 'Set register: "never" (ROOKERY_REGISTER=never), or use a registry such as etcd().',
    });
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ChangeBatch> {
    const list = this.#join(this.#keyOf(checkName(service, 'service')));
    const ends = AbortSignal.any([signal, this.#closed.signal]);
    setMaxListeners(0, ends);
    let known: Map<string, ServiceInstance> | undefined;
    let look: Look | undefined;
    try {
      while (!ends.aborted) {
        const asked = this.time.now();
        look = await list.look(ends, look);
        if (ends.aborted) break;
        const instances = [...(look.list?.services.get(service)?.values() ?? [])];
        const batch = listChanges(known, instances);
        known = new Map(instances.map((instance) => [instance.id, instance]));
        if (batch.length > 0) yield batch;
        await pause(this.time, this.#pauseAfter(look, batch.length > 0, this.time.now() - asked), ends);
      }
    } catch (error) {
      if (!ends.aborted) throw error;
    } finally {
      this.#leave(this.#keyOf(service), signal);
    }
    if (!signal.aborted && this.#closed.signal.aborted) throw closed(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.#agent.destroy();
  }

  /** One list of all services is asked for once, whoever watches. */
  #keyOf(service: string): string {
    return this.settings.ofOneService ? service : '';
  }

  #join(key: string): RemoteList {
    const { list = this.#newList(key), watches = 0 } = this.#lists.get(key) ?? {};
    this.#lists.set(key, { list, watches: watches + 1 });
    return list;
  }

  /** Who breaks off by a fault comes back, and goes on from what was known; who ends does not. */
  #leave(key: string, { aborted }: AbortSignal): void {
    const { list, watches } = this.#lists.get(key)!;
    if (aborted && watches === 1) this.#lists.delete(key);
    else this.#lists.set(key, { list, watches: watches - 1 });
  }

  #newList(key: string): RemoteList {
    return new RemoteList(key, {
      settings: this.settings,
      place: this.name,
      agent: this.#agent,
      time: this.time,
      onMalformed: (error) => this.events.emit({ type: 'entry.malformed', place: error.path ?? this.name, error }),
    });
  }

  /** Who waits for a change has waited; a server that does not know how answers at once, and is asked as any other. */
  #pauseAfter({ intervalMs, waited }: Look, changed: boolean, tookMs: number): number {
    if (waited && (changed || tookMs > WAIT_MS / 2)) return BREATH_MS;
    return intervalMs * (0.9 + 0.2 * this.random());
  }
}

function closed(path: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_CLOSED', {
    path,
    found: 'the registry was used after it was closed.',
    remedy: 'Keep the application, or the registry, open for as long as calls are made.',
  });
}
