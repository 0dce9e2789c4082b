import { messageOf, reasonOf, RookeryError } from '../../core/errors.js';
import type { EventSink } from '../../core/event.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { InstanceChange, Registration, RegistrationState } from '../../core/registration.js';
import { amendInstance, checkChange } from '../amend-instance.js';
import { ShownRegistration } from '../shown-registration.js';
import type { ClaimFile } from './claim-file.js';
import type { LocalEntry } from './entry.js';
import { mergeEdit } from './merge-edit.js';
import { livenessOf, type ProcessIdentity } from './process-identity.js';

export interface ClaimOptions {
  readonly file: ClaimFile;
  readonly owner: ProcessIdentity;
  readonly since: number;
  readonly emit: EventSink;
  readonly onRelease: () => void;
}

/** A claim on the file of an instance. Everything that it does to the file happens one after the other. */
export class LocalClaim extends ShownRegistration implements Registration {
  state: RegistrationState = 'registering';
  readonly registered: Promise<void>;
  #accept!: () => void;
  #refuse!: (error: Error) => void;
  #pinned: readonly string[] = [];
  #queue: Promise<void> = Promise.resolve();
  #release: Promise<void> | undefined;
  /** Callers of `update` whose change is not in the file yet. */
  #waiting: (() => void)[] = [];
  /** The last error that was told: the same one is not told with every poll. */
  #fault: string | undefined;

  constructor(
    public instance: ServiceInstance,
    private readonly options: ClaimOptions,
  ) {
    super();
    this.registered = new Promise((accept, refuse) => {
      this.#accept = accept;
      this.#refuse = refuse;
    });
    // Nobody has to listen to it.
    this.registered.catch(() => undefined);
  }

  /** Makes the file say what it should; called again with every poll. */
  check(): Promise<void> {
    return (this.#queue = this.#queue.then(() => this.#attempt()));
  }

  async update(change: InstanceChange): Promise<void> {
    const checked = Object.entries(checkChange(change));
    if (this.#release) return;
    const free = checked.filter(([field]) => !this.#pinned.includes(field));
    this.instance = amendInstance(this.instance, Object.fromEntries(free));
    const accepted = new Promise<void>((resolve) => this.#waiting.push(resolve));
    void this.check();
    await accepted;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#release ??= this.#leave());
  }

  get #entry(): LocalEntry {
    const { owner, since } = this.options;
    return { instance: this.instance, pinned: this.#pinned, since, owner };
  }

  async #attempt(): Promise<void> {
    if (this.#release) return;
    const { file } = this.options;
    const waiting = [...this.#waiting];
    try {
      if (!file.written) await this.#first();
      else if (!(await this.#reconcile(file.written))) return;
      // First, or a folder that cannot be written any more would count as well.
      await file.touch();
      this.#become('registered');
      this.#accept();
      this.#waiting = this.#waiting.filter((resolve) => !waiting.includes(resolve));
      for (const resolve of waiting) resolve();
    } catch (error) {
      this.#become(file.written ? 'recovering' : 'registering', error);
    }
  }

  /** The first registration of a process takes its place, whoever holds it: ids are fresh. */
  async #first(): Promise<void> {
    await this.options.file.prepare();
    await this.options.file.write(this.#entry);
  }

  /** Takes over what an operator changed, and puts everything else back. False where somebody else holds the file. */
  async #reconcile(written: LocalEntry): Promise<boolean> {
    const { file } = this.options;
    const found = await file.read();
    if (found.type === 'gone') await this.#restore('its file was removed');
    else if (found.type === 'malformed') await this.#restore(`its file was malformed (${reasonOf(found.error)})`);
    else if (found.type === 'untouched') await file.write(this.#entry);
    else if (found.entry.instance.generation === written.instance.generation) await this.#adopt(written, found.entry);
    else if (this.#isDead(found.entry)) await this.#restore('a process that is gone had taken its file');
    else return this.#yield();
    return true;
  }

  async #adopt(written: LocalEntry, found: LocalEntry): Promise<void> {
    const { instance, pinned, edited, spoilt } = mergeEdit(this.instance, written.instance, found);
    const { service, id } = instance;
    this.instance = instance;
    this.#pinned = pinned;
    if (edited.length > 0) this.options.emit({ type: 'registration.amended', service, id, fields: edited });
    if (spoilt) await this.#restore('fields were changed that belong to the owner');
    else await this.options.file.write(this.#entry, true);
  }

  async #restore(reason: string): Promise<void> {
    await this.options.file.write(this.#entry, true);
    const { service, id } = this.instance;
    this.options.emit({ type: 'registration.restored', service, id, reason });
  }

  #isDead({ owner }: LocalEntry): boolean {
    return owner !== undefined && livenessOf(owner, this.options.owner) === 'dead';
  }

  #yield(): false {
    const { service, id } = this.instance;
    const error = new RookeryError('ROOKERY_REGISTRATION_SUPERSEDED', {
      path: `${service}/${id}`,
      found: 'another process registered the same id.',
      remedy: 'It is registered again as soon as that process leaves; give every instance an id of its own.',
    });
    this.#become('superseded', error);
    return false;
  }

  async #leave(): Promise<void> {
    await this.#queue;
    const { file, onRelease } = this.options;
    // A file that cannot be written any more dies with the process.
    if (file.written && this.state !== 'superseded') await file.retire(this.#entry).catch(() => undefined);
    else this.#refuse(released(this.instance));
    for (const resolve of this.#waiting.splice(0)) resolve();
    onRelease();
    this.#become('released');
  }

  #become(state: RegistrationState, error?: unknown): void {
    const fault = error === undefined ? undefined : messageOf(error);
    if (state === this.state && fault === this.#fault) return;
    const { service, id } = this.instance;
    this.state = state;
    this.#fault = fault;
    this.options.emit({ type: 'registration.changed', service, id, state, ...(error !== undefined && { error }) });
  }
}

function released({ service, id }: ServiceInstance): RookeryError {
  return new RookeryError('ROOKERY_REGISTRATION_RELEASED', {
    path: `${service}/${id}`,
    found: 'the claim was released before its file was written.',
    remedy: 'Nothing has to be done: no entry was left.',
  });
}
