import { parseAddress } from '../../core/address.js';
import type { ServiceChange } from '../../core/change.js';
import { RookeryError, show } from '../../core/errors.js';
import { EventHub } from '../../core/event.js';
import { checkName, createInstance, type ServiceInstance } from '../../core/instance.js';
import type { Registration } from '../../core/registration.js';
import type { Registry, RegistryCapabilities, RegistrySteering } from '../../core/registry.js';
import { systemRandom } from '../../system/random.js';
import { systemTime } from '../../system/time.js';
import { reportMalformed } from '../entry/malformed-report.js';
import { encodeEntry } from '../entry/entry.js';
import { checkSize, initial } from '../entry/wanted.js';
import type { ZooKeeperContext } from './context.js';
import { Dialer } from './dialer.js';
import { closed, unreachable } from './faults.js';
import { Layout } from './layout.js';
import { checkZooKeeperOptions, type ZooKeeperOptions, type ZooKeeperSettings } from './options.js';
import { OPEN_ACL, OWNED_ACL } from './protocol.js';
import { Reader } from './reader.js';
import { Session } from './session.js';
import { ZooKeeperSteering } from './steering.js';
import { ServiceWatcher } from './watch.js';

/**
 * A registry in ZooKeeper 3.6 or newer. Connects with the first registration or watch, and never gives up on either.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_ADDRESS_INVALID, with the path of the option
 */
export function zookeeper(options: ZooKeeperOptions): Registry {
  return new ZooKeeperRegistry(checkZooKeeperOptions(options), options);
}

class ZooKeeperRegistry implements Registry {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities = {
    register: true,
    steer: true,
    routes: true,
    push: true,
    lease: true,
    weights: true,
    groups: true,
    propagationMs: 1000,
    reach: 'network',
  };
  readonly steer: RegistrySteering;
  readonly #context: ZooKeeperContext;
  readonly #reader: Reader;
  readonly #watcher: ServiceWatcher;
  /** By generation: one for each listening server. */
  readonly #sessions = new Map<string, Session>();
  readonly #watches = new Set<AbortController>();
  #closed: Promise<void> | undefined;

  constructor(settings: ZooKeeperSettings, { time = systemTime, random = systemRandom }: ZooKeeperOptions) {
    const { hosts, addresses, prefix, ttlMs, tls, auth } = settings;
    this.hosts = hosts;
    this.name = `${tls ? 'zookeepers' : 'zookeeper'}://${hosts.join(',')}/${prefix}`;
    const dialing = { addresses, timeoutMs: ttlMs, ...(tls && { tls }), ...(auth !== undefined && { auth }) };
    this.#context = {
      name: this.name,
      secure: tls !== undefined,
      dialer: new Dialer(dialing, time, random),
      layout: new Layout(prefix),
      acl: auth === undefined ? OPEN_ACL : OWNED_ACL,
      time,
      random,
      emit: this.events.emit,
      ttlMs,
    };
    const reader = (this.#reader = new Reader(this.#context));
    this.steer = new ZooKeeperSteering(this.#context, reader, () => this.#closed !== undefined);
    this.#watcher = new ServiceWatcher(this.#context, reader, reportMalformed(this.events.emit));
  }

  register(instance: ServiceInstance): Registration {
    if (this.#closed) throw closed(this.name);
    const checked = checkInstance(instance);
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
    await Promise.all([...[...this.#sessions.values()].map((session) => session.release()), this.#reader.close()]);
  }
}

function checkInstance(instance: ServiceInstance): ServiceInstance {
  checkName(instance.service, 'instance.service');
  checkName(instance.id, 'instance.id');
  if ('host' in parseAddress(instance.address, 'instance.address')) {
    return checkSize(initial(createInstance(instance)), encodeEntry).instance;
  }
  throw new RookeryError('ROOKERY_ADDRESS_INVALID', {
    path: 'instance.address',
    found: `found ${show(instance.address)}.`,
    remedy: 'Other machines read this registry: use host:port.',
  });
}
