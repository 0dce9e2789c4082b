import { RookeryError, show } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { checkName, type ServiceInstance } from '../core/instance.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities, RegistrySteering } from '../core/registry.js';
import type { Random, Time } from '../core/time.js';
import { systemRandom } from '../system/random.js';
import { systemTime } from '../system/time.js';
import { ChangeQueue, type ChangeBatch } from './change-queue.js';
import { combine, writerOf } from './composite/capabilities.js';
import { MergedView, MergedWatch } from './composite/merged-watch.js';

export interface CompositeOptions {
  /** Default: the clock of the process. */
  readonly time?: Time;
  /** Default: the chance of the process. */
  readonly random?: Random;
}

const KEYS: KeysOf<CompositeOptions> = { time: true, random: true };

/**
 * Several registries as one, the most trusted first: of entries with the same id or address, that of the earlier one
 * counts. A source that fails keeps what it said last, and is tried again by itself; the others go on. Registrations go
 * to the first source that takes any. Disposing it disposes its sources.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID with the place, such as `registry[1]`
 */
export function composite(sources: readonly Registry[], options: CompositeOptions = {}): Registry {
  if (!Array.isArray(sources) || sources.length === 0) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: 'registry',
      found: Array.isArray(sources) ? 'found no registry.' : `found ${show(sources)}.`,
      remedy: 'Use a list of registries, such as composite([etcd({ hosts }), staticRegistry(entries)]).',
    });
  }
  sources.forEach(checkSource);
  checkKeys(options, KEYS, 'registry');
  return new CompositeRegistry([...sources], options);
}

function checkSource(source: unknown, i: number, sources: readonly unknown[]): void {
  const { name, events, watch, register, capabilities } = (source ?? {}) as Partial<Registry>;
  const complete = typeof name === 'string' && typeof events?.on === 'function' && typeof capabilities === 'object';
  const registry = complete && typeof watch === 'function' && typeof register === 'function';
  if (registry && sources.indexOf(source) === i) return;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: `registry[${i}]`,
    found: registry ? `found ${name} for the second time.` : `found ${show(source)}, which is no registry.`,
    remedy: registry ? 'Name each source once.' : 'Use a registry such as etcd({ hosts }), or registryFromUrl(url).',
  });
}

class CompositeRegistry implements Registry {
  readonly name: string;
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities;
  readonly hosts?: readonly string[];
  readonly steer?: RegistrySteering;
  readonly #writer: Registry | undefined;
  readonly #listening: readonly Disposable[];
  readonly #queues = new Set<ChangeQueue>();
  /** What was known of a service when all of its sources had failed. */
  readonly #broken = new Map<string, MergedView>();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly sources: readonly Registry[],
    private readonly options: CompositeOptions,
  ) {
    this.name = `composite:(${sources.map(({ name }) => name).join(' + ')})`;
    this.capabilities = combine(sources);
    this.#writer = writerOf(sources);
    const hosts = this.#writer ? this.#writer.hosts : sources.flatMap((source) => source.hosts ?? []);
    if (hosts) this.hosts = hosts;
    const steer = sources.find((source) => source.steer)?.steer;
    if (steer) this.steer = { setRoute: async (service, route) => (this.#checkOpen(), steer.setRoute(service, route)) };
    this.#listening = sources.map((source) => source.events.on(this.events.emit));
  }

  register(instance: ServiceInstance): Registration {
    this.#checkOpen();
    if (this.#writer) return this.#writer.register(instance);
    throw new RookeryError('ROOKERY_REGISTRY_READONLY', {
      path: 'registry',
      found: `found ${this.name}, none of whose sources takes registrations.`,
      remedy: 'Set register: "never" (ROOKERY_REGISTER=never), or add a source such as etcd().',
    });
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ChangeBatch> {
    this.#checkOpen();
    checkName(service, 'service');
    if (signal.aborted) return;
    // Taken out, so that a second watch of the same service has its own.
    const view = this.#broken.get(service) ?? new MergedView(this.sources.length);
    this.#broken.delete(service);
    const queue = new ChangeQueue(signal);
    this.#queues.add(queue);
    const { time = systemTime, random = systemRandom } = this.options;
    const { name, sources } = this;
    using watch = new MergedWatch({ name, sources, service, view, queue, time, random, emit: this.events.emit });
    watch.start();
    try {
      yield* queue;
    } catch (error) {
      this.#broken.set(service, view);
      throw error;
    } finally {
      queue.end();
      this.#queues.delete(queue);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const queue of this.#queues) queue.end();
    const ends = await Promise.allSettled(this.sources.map(async (source) => source[Symbol.asyncDispose]()));
    for (const listening of this.#listening) listening[Symbol.dispose]();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new RookeryError('ROOKERY_REGISTRY_CLOSED', {
      path: this.name,
      found: 'the registry was closed.',
      remedy: 'Make a new one with composite().',
    });
  }
}
