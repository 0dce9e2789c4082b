import { basename, dirname, resolve } from 'node:path';
import { RookeryError, show } from '../core/errors.js';
import { EventHub } from '../core/event.js';
import { checkName } from '../core/instance.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import type { Registration } from '../core/registration.js';
import type { Registry, RegistryCapabilities } from '../core/registry.js';
import { pause, type Time } from '../core/time.js';
import { systemTime } from '../system/time.js';
import type { ChangeBatch } from './change-queue.js';
import { ListFile } from './file/list-file.js';
import { ListWatches } from './list-watches.js';
import { FolderAlarm, type Concern } from './local/alarm.js';
import { parseServiceList, type ServiceList } from './service-list.js';

export interface FileOptions {
  /** How often the file is looked at, besides being told of changes, 1 to 86400000 ms; default 500. */
  readonly pollMs?: number;
  /** Default: the clock of the process. */
  readonly time?: Time;
}

const KEYS: KeysOf<FileOptions> = { pollMs: true, time: true };

/** Who writes a file in place does so in steps, and who swaps a folder renames more than once, ms. */
const SETTLE_MS = 20;

/** A day; timers of more than 24 days would ring at once. */
const MAX_POLL_MS = 86_400_000;

/**
 * A list of instances in a JSON file, for clients: it takes no registrations. The file may be replaced, written in
 * place, or swapped together with its folder, as the volume of a Kubernetes ConfigMap is; changes count at once. While it
 * is missing or cannot be understood, what it said last counts.
 * @param path relative to the working directory of now, or absolute
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function file(path: string, options: FileOptions = {}): Registry {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: 'registry.path',
      found: `found ${show(path)}.`,
      remedy: "Name a file, such as file('services.json').",
    });
  }
  checkKeys(options, KEYS, 'registry');
  const { pollMs = 500, time = systemTime } = options;
  if (!(typeof pollMs === 'number' && pollMs >= 1 && pollMs <= MAX_POLL_MS)) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: 'registry.pollMs',
      found: `found ${show(pollMs)}.`,
      remedy: `Use milliseconds from 1 to ${MAX_POLL_MS}.`,
    });
  }
  return new FileRegistry(path, { pollMs, time });
}

class FileRegistry implements Registry {
  readonly name: string;
  readonly events = new EventHub();
  readonly capabilities: RegistryCapabilities;
  readonly #path: string;
  readonly #watches = new ListWatches(() => this.#read());
  /** What is told of entries that cannot be read, so that it is told once. */
  #told = new Set<string>();
  /** Looks in a row that found nothing to go by. */
  #faults = 0;
  #failing = false;
  #closed = false;

  constructor(
    private readonly place: string,
    private readonly options: Required<FileOptions>,
  ) {
    this.#path = resolve(place);
    this.name = `file:${this.#path.replaceAll(/\p{Cc}/gu, '?')}`;
    this.capabilities = {
      register: false,
      steer: false,
      routes: false,
      push: true,
      lease: false,
      weights: true,
      groups: true,
      propagationMs: options.pollMs + SETTLE_MS,
      reach: 'network',
    };
  }

  register(): Registration {
    throw new RookeryError('ROOKERY_REGISTRY_READONLY', {
      path: 'registry',
      found: `found ${this.name}, which takes no registrations.`,
      remedy: 'Set register: "never" (ROOKERY_REGISTER=never), or use a registry such as etcd().',
    });
  }

  async *watch(service: string, signal: AbortSignal): AsyncIterable<ChangeBatch> {
    if (this.#closed) {
      throw new RookeryError('ROOKERY_REGISTRY_CLOSED', {
        path: this.name,
        found: 'the registry was closed.',
        remedy: 'Make a new one with file().',
      });
    }
    yield* this.#watches.watch(checkName(service, 'service'), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#watches.end();
  }

  #read(): Disposable {
    const stopped = new AbortController();
    const alarm = new FolderAlarm(dirname(this.#path), this.options.time, this.options.pollMs, this.#concerns);
    void this.#follow(alarm, stopped.signal);
    return {
      [Symbol.dispose]: () => {
        stopped.abort();
        alarm.ring();
      },
    };
  }

  /** Any name that comes or goes may be a link on the way to the file; what is written elsewhere in the folder is not. */
  readonly #concerns: Concern = (event, name) => event === 'rename' || name === null || name === basename(this.#path);

  async #follow(alarm: FolderAlarm, stopped: AbortSignal): Promise<void> {
    using _ = alarm;
    const source = new ListFile(this.#path, this.place);
    let fault: unknown;
    while (!stopped.aborted) {
      // Armed before the reading, so that nothing falls between the two; what is wrong with the folder, the reading says.
      await alarm.arm().catch(() => false);
      try {
        const text = await source.read();
        if (stopped.aborted) return;
        if (text !== undefined) {
          fault = undefined;
          this.#take(text);
        }
      } catch (error) {
        fault = error;
      }
      if (stopped.aborted) return;
      if (fault !== undefined) this.#fail(fault);
      await alarm.next();
      await pause(this.options.time, SETTLE_MS, stopped);
    }
  }

  /** @throws {RookeryError} ROOKERY_ENTRY_MALFORMED where the text is no list */
  #take(text: string): void {
    const { place } = this;
    const list = parseServiceList(text, { place, unix: true, before: this.#watches.list });
    this.#tell(list);
    if (this.#failing) this.events.emit({ type: 'source.restored', source: this.name });
    this.#failing = false;
    this.#faults = 0;
    this.#watches.take(list);
  }

  /** Told where the next look finds it, too: a file that is written in place is cut off for a moment. */
  #fail(error: unknown): void {
    this.#faults += 1;
    this.#watches.fail(error);
    if (this.#faults < 2 || this.#failing || !this.#watches.list) return;
    this.#failing = true;
    this.events.emit({ type: 'source.failed', source: this.name, error });
  }

  #tell({ malformed }: ServiceList): void {
    for (const error of malformed) {
      if (!this.#told.has(error.message))
        this.events.emit({ type: 'entry.malformed', place: error.path ?? this.place, error });
    }
    this.#told = new Set(malformed.map(({ message }) => message));
  }
}
