import { parseAddress } from '../../core/address.js';
import type { ServiceChange } from '../../core/change.js';
import { RookeryError, show } from '../../core/errors.js';
import { EventHub } from '../../core/event.js';
import { checkName, createInstance, type ServiceInstance } from '../../core/instance.js';
import type { Registration } from '../../core/registration.js';
import type { Registry, RegistryCapabilities, RegistrySteering } from '../../core/registry.js';
import { systemRandom } from '../../system/random.js';
import { systemTime } from '../../system/time.js';
import { createClient } from './client.js';
import type { EtcdContext } from './context.js';
import { reportMalformed } from '../entry/malformed-report.js';
import { closed, unreachable } from './faults.js';
import { DIALECTS } from './dialects/choose.js';
import type { Dialect } from './dialects/dialect.js';
import type { Layout } from './layout.js';
import { checkEtcdOptions, type EtcdOptions, type EtcdSettings } from './options.js';
import { Session } from './session.js';
import { EtcdSteering } from './steering.js';
import { checkSize, initial } from '../entry/wanted.js';
import { ServiceWatcher } from './watch.js';

/**
 * A registry in etcd 3.4 or newer. Connects with the first registration or watch, and never gives up on either.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_ADDRESS_INVALID, with the path of the option
 */
export function etcd(options: EtcdOptions): Registry {
  return new EtcdRegistry(checkEtcdOptions(options), options);
}

class EtcdRegistry implements Registry {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities;
  /** Routes stand beside our own entries. */
  readonly steer?: RegistrySteering;
  readonly #context: EtcdContext;
  readonly #watcher: ServiceWatcher;
  /** By generation: one for each listening server. */
  readonly #sessions = new Map<string, Session>();
  readonly #watches = new Set<AbortController>();
  #closed: Promise<void> | undefined;

  constructor(settings: EtcdSettings, { time = systemTime, random = systemRandom }: EtcdOptions) {
    const { hosts, ttlMs, layout } = settings;
    this.hosts = hosts;
    this.name = nameOf(settings);
    this.capabilities = capabilitiesOf(layout);
    const client = createClient(settings, time);
    const { emit } = this.events;
    this.#context = { name: this.name, client, layout, time, random, emit, ttlMs };
    if (layout.routes) this.steer = new EtcdSteering(this.#context, () => this.#closed !== undefined);
    this.#watcher = new ServiceWatcher(this.#context, reportMalformed(emit));
  }

  register(instance: ServiceInstance): Registration {
    if (this.#closed) throw closed(this.name);
    if (!this.capabilities.register) throw readOnly(this.name);
    const checked = checkInstance(instance, this.#context.layout.write);
    const { generation } = checked;
    let session = this.#sessions.get(generation);
    if (!session) {
      const made: Session = new Session(this.#context, () => {
        if (this.#sessions.get(generation) === made) this.#sessions.delete(generation);
      });
      this.#sessions.set(generation, (session = made));
    }
    return session.register(checked);
  }

  async *watch(service: string, signal: AbortSignal): AsyncGenerator<readonly ServiceChange[], void> {
    checkName(service, 'service');
    if (this.#closed) throw closed(this.name);
    const end = new AbortController();
    const abort = () => end.abort();
    this.#watches.add(end);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      yield* this.#watcher.watch(service, end.signal);
    } catch (error) {
      throw unreachable(this.#context, error);
    } finally {
      signal.removeEventListener('abort', abort);
      this.#watches.delete(end);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const watch of this.#watches) watch.abort();
    await Promise.all([...this.#sessions.values()].map((session) => session.release()));
    this.#context.client.close();
  }
}

/** As a URL, with the dialects where they are others than our own. */
function nameOf({ hosts, prefix, tls, layout }: EtcdSettings): string {
  const list = (dialects: readonly Dialect[]) => dialects.map(shown).join(',');
  const [read, write] = [list(layout.read), list(layout.write)];
  const query = read === 'rookery' && write === 'rookery' ? '' : `?read=${read}&write=${write}`;
  return `${tls ? 'etcds' : 'etcd'}://${hosts.join(',')}/${prefix}${query}`;
}

/** With its prefix where that is another one: registries that read other keys must not have one name. */
function shown({ name, prefix }: Dialect): string {
  return name === 'rookery' || DIALECTS.some((usual) => usual.name === name && usual.prefix === prefix)
    ? name
    : `${name}(${prefix})`;
}

function capabilitiesOf({ read, write, routes }: Layout): RegistryCapabilities {
  return {
    register: write.length > 0,
    steer: write.length > 0,
    routes,
    push: true,
    lease: true,
    weights: read.some(({ traits }) => traits.weights),
    groups: read.some(({ traits }) => traits.groups),
    propagationMs: 1000,
    reach: 'network',
  };
}

function readOnly(name: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_READONLY', {
    path: 'registry',
    found: `found ${name}, which writes no dialect.`,
    remedy: 'Name one: etcd({ write: ["rookery"] }), or set register: "never" (ROOKERY_REGISTER=never).',
  });
}

function checkInstance(instance: ServiceInstance, dialects: readonly Dialect[]): ServiceInstance {
  checkName(instance.service, 'instance.service');
  checkName(instance.id, 'instance.id');
  if ('host' in parseAddress(instance.address, 'instance.address')) {
    const wanted = initial(createInstance(instance));
    for (const dialect of dialects) checkSize(wanted, (all) => dialect.encode(all));
    return wanted.instance;
  }
  throw new RookeryError('ROOKERY_ADDRESS_INVALID', {
    path: 'instance.address',
    found: `found ${show(instance.address)}.`,
    remedy: 'Other machines read this registry: use host:port.',
  });
}
