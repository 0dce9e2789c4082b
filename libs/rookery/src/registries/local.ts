import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import { RookeryError } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import { checkName, type ServiceInstance } from '../core/instance.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities, RegistrySteering } from '../core/registry.js';
import { checkRouteChange } from '../core/route.js';
import type { Time } from '../core/time.js';
import { systemTime } from '../system/time.js';
import type { ChangeBatch } from './change-queue.js';
import { FolderAlarm } from './local/alarm.js';
import { LocalClaim } from './local/claim.js';
import { ClaimFile } from './local/claim-file.js';
import { checkDirectory, defaultDirectory, encodeName } from './local/folder.js';
import { ownIdentity, type ProcessIdentity } from './local/process-identity.js';
import { FolderReader } from './local/reader.js';
import { RouteReader, writeRoute } from './local/route-file.js';
import { watchFolder } from './local/watch.js';

export interface LocalOptions {
  /** Separates environments on one machine; default `default`. */
  readonly namespace?: string;
  /** Default `$XDG_RUNTIME_DIR/rookery`, else `~/.rookery`. Made with mode 0700; nobody else may be able to write it. */
  readonly directory?: string;
  /** How often the files are looked at, besides being told of changes, ms; default 500. */
  readonly pollMs?: number;
  /** Default: the clock of the process. */
  readonly time?: Time;
}

const KEYS: KeysOf<LocalOptions> = { namespace: true, directory: true, pollMs: true, time: true };

/**
 * The registry of this machine: files in a directory of the user, one per instance, without any server. An entry lives
 * as long as its process; operators may edit weight, group, status and metadata in the file.
 * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID, ROOKERY_REGISTRY_INSECURE
 */
export function local(options: LocalOptions = {}): Registry {
  checkKeys(options, KEYS, 'registry');
  const { namespace = 'default', pollMs = 500 } = options;
  checkName(namespace, 'registry.namespace');
  if (!(pollMs >= 1)) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: 'registry.pollMs',
      found: `found ${pollMs}.`,
      remedy: 'Use 1 ms or more.',
    });
  }
  const directory = options.directory ?? defaultDirectory();
  checkDirectory(directory);
  return new LocalRegistry({ namespace, directory, pollMs, time: options.time ?? systemTime });
}

class LocalRegistry implements Registry {
  readonly name: string;
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities = {
    register: true,
    steer: true,
    routes: true,
    push: true,
    lease: true,
    weights: true,
    groups: true,
    propagationMs: 100,
    reach: 'machine',
  };
  readonly steer: RegistrySteering = {
    setRoute: async (service, route) => {
      const checked = checkRouteChange(service, route);
      this.#checkOpen();
      await writeRoute(this.options.directory, this.#folder(service), checked);
    },
  };
  readonly #owner: ProcessIdentity = ownIdentity();
  readonly #readers = new Map<string, FolderReader>();
  readonly #claims = new Set<LocalClaim>();
  readonly #alarms = new Set<FolderAlarm>();
  #polling = false;
  #closed: Promise<void> | undefined;

  constructor(private readonly options: Required<LocalOptions>) {
    const { namespace, directory } = options;
    this.name = directory === defaultDirectory() ? `local:${namespace}` : `local:${namespace} in ${directory}`;
  }

  register(instance: ServiceInstance): Registration {
    this.#checkOpen();
    const service = checkName(instance.service, 'instance.service');
    const id = checkName(instance.id, 'instance.id');
    const { directory, time } = this.options;
    const folder = this.#folder(service);
    const claim: LocalClaim = new LocalClaim(instance, {
      file: new ClaimFile({ directory, folder, service, id, reader: this.#reader(service), time }),
      owner: this.#owner,
      since: nextSince(),
      emit: this.events.emit,
      onRelease: () => this.#claims.delete(claim),
    });
    this.#claims.add(claim);
    void claim.check();
    this.#poll();
    return claim;
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ChangeBatch> {
    this.#checkOpen();
    checkName(service, 'service');
    const { directory, time, pollMs } = this.options;
    const folder = this.#folder(service);
    const alarm = new FolderAlarm(folder, time, pollMs);
    const ring = () => alarm.ring();
    const ended = () => signal.aborted || this.#closed !== undefined;
    signal.addEventListener('abort', ring, { once: true });
    this.#alarms.add(alarm);
    try {
      const routes = new RouteReader(folder, this.events.emit);
      yield* watchFolder({ directory, folder, reader: this.#reader(service), routes, alarm, ended });
    } finally {
      signal.removeEventListener('abort', ring);
      this.#alarms.delete(alarm);
      alarm[Symbol.dispose]();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    // Not before `#closed` is set: the watches look at it when they are woken.
    await Promise.resolve();
    for (const alarm of this.#alarms) alarm.ring();
    await Promise.all([...this.#claims].map((claim) => claim[Symbol.asyncDispose]()));
  }

  /** One timer for all claims, and none where there is no claim. */
  #poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    const { time, pollMs } = this.options;
    time.after(pollMs, () => {
      void Promise.all([...this.#claims].map((claim) => claim.check())).then(() => {
        this.#polling = false;
        if (this.#claims.size > 0) this.#poll();
      });
    });
  }

  #folder(service: string): string {
    const { directory, namespace } = this.options;
    return join(directory, encodeName(namespace), 'services', encodeName(service));
  }

  #reader(service: string): FolderReader {
    let reader = this.#readers.get(service);
    if (!reader) {
      reader = new FolderReader(this.#folder(service), service, this.#owner, this.options.time, this.events.emit);
      this.#readers.set(service, reader);
    }
    return reader;
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new RookeryError('ROOKERY_REGISTRY_CLOSED', {
      path: this.name,
      found: 'the registry was closed.',
      remedy: 'Make a new one with local().',
    });
  }
}

let lastSince = 0;

/** Now, in ms since 1970; always later than the time before, so that entries of one process keep their order. */
function nextSince(): number {
  lastSince = Math.max(performance.timeOrigin + performance.now(), lastSince + 0.001);
  return lastSince;
}
