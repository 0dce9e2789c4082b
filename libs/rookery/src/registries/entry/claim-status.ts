import { RookeryError } from '../../core/errors.js';
import type { EventSink } from '../../core/event.js';
import type { RegistrationState } from '../../core/registration.js';
import type { OperatorField } from './entry.js';

/** Where claims are made, as those who are told of them know it. */
export interface ClaimPlace {
  /** The registry's name, for errors. */
  readonly name: string;
  readonly emit: EventSink;
  /** What people call it, and what its entries go with: `etcd`, `lease`. */
  readonly words: { readonly store: string; readonly claim: string };
  /** Whatever went wrong on the way there, as the error that users know. */
  readonly unreachable: (cause: unknown, remedy?: string) => RookeryError;
}

/** What is told of a registration: its state, and each trouble once. */
export class ClaimStatus {
  state: RegistrationState = 'registering';
  readonly registered: Promise<void>;
  #accept!: () => void;
  #reject!: (error: Error) => void;
  /** The trouble of this state has been told. */
  #told = false;

  constructor(
    private readonly place: ClaimPlace,
    private readonly service: string,
    private readonly id: string,
  ) {
    this.registered = new Promise((resolve, reject) => {
      this.#accept = resolve;
      this.#reject = reject;
    });
    // Whoever does not wait for it need not handle it either.
    this.registered.catch(() => {});
  }

  accepted(): void {
    this.#become('registered');
    this.#accept();
  }

  superseded(path: string): void {
    this.#become('superseded', superseded(path));
  }

  /** Told once: the tries that follow have nothing to add. */
  troubled(error: unknown): void {
    if (this.state === 'superseded') return;
    const fault = this.place.unreachable(error);
    if (this.state === 'registered') this.#become('recovering', fault);
    else if (!this.#told && this.state === 'registering') this.#tell(fault);
    this.#told = true;
  }

  /** The claim is being released: whoever waits for it to be accepted waits in vain. */
  releasing(): void {
    const error = new RookeryError('ROOKERY_REGISTRATION_RELEASED', {
      path: this.place.name,
      found: `it was released before ${this.place.words.store} accepted it.`,
      remedy: 'See the event registration.changed for what kept it.',
    });
    this.#reject(error);
  }

  /** @param leftBehindAfterMs the entry may still be there */
  released(leftBehindAfterMs?: number): void {
    if (leftBehindAfterMs === undefined) return this.#become('released');
    const { store, claim } = this.place.words;
    const cause = new Error(`${store} took longer than ${leftBehindAfterMs} ms to delete the entry`);
    this.#become('released', this.place.unreachable(cause, `It goes with its ${claim}.`));
  }

  restored(reason: string): void {
    this.place.emit({ type: 'registration.restored', service: this.service, id: this.id, reason });
  }

  amended(fields: readonly OperatorField[]): void {
    this.place.emit({ type: 'registration.amended', service: this.service, id: this.id, fields });
  }

  #become(state: RegistrationState, error?: unknown): void {
    if (state === this.state) return;
    this.state = state;
    this.#told = false;
    this.#tell(error);
  }

  #tell(error: unknown): void {
    const fault = error === undefined ? {} : { error };
    const { service, id, state } = this;
    this.place.emit({ type: 'registration.changed', service, id, state, ...fault });
  }
}

export function superseded(path: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRATION_SUPERSEDED', {
    path,
    found: 'another process holds it.',
    remedy: 'It is registered again as soon as it is free; give every process its own id.',
  });
}
