import type { DeleteCause } from './change.js';
import type { EjectionReason } from './ejection.js';
import type { EndpointState } from './endpoint.js';
import type { RookeryError } from './errors.js';
import type { RegistrationState } from './registration.js';

/** Everything that Rookery tells about itself. A closed union with one sink: logs, metrics and health listen to it. */
export type RookeryEvent =
  | {
      readonly type: 'registration.changed';
      readonly service: string;
      readonly id: string;
      readonly state: RegistrationState;
      /** Why it is recovering or superseded. */
      readonly error?: unknown;
    }
  /** An operator's edit in the registry was taken over by the owner of the entry. */
  | {
      readonly type: 'registration.amended';
      readonly service: string;
      readonly id: string;
      readonly fields: readonly string[];
    }
  /** The owner put its entry back after somebody deleted, detached or spoilt it. */
  | { readonly type: 'registration.restored'; readonly service: string; readonly id: string; readonly reason: string }
  | { readonly type: 'view.changed'; readonly service: string; readonly instances: number; readonly revision: number }
  /** The registry has lost instances without a word; they serve on for as long as their connections hold. */
  | { readonly type: 'view.protected'; readonly service: string; readonly instances: number }
  /** An instance was silent while others answered; it gets no calls until it has said that it is there. */
  | { readonly type: 'endpoint.suspect'; readonly service: string; readonly id: string; readonly address: string }
  /** A client has set an instance aside for its failures: it gets no calls of that client while its group has others. */
  | {
      readonly type: 'endpoint.ejected';
      readonly service: string;
      readonly id: string;
      readonly address: string;
      readonly group: string;
      readonly reason: EjectionReason;
      /** How long at most; it is back before that where too few of its group are left. */
      readonly forMs: number;
    }
  /** An instance that was ejected is as any other again. */
  | { readonly type: 'endpoint.restored'; readonly service: string; readonly id: string; readonly address: string }
  /** No instance of a group can be used but ejected ones: calls go to them, as if none were. */
  | {
      readonly type: 'group.panicked';
      readonly service: string;
      readonly group: string;
      readonly instances: number;
    }
  /** The watch of a service broke; `stale` where a last view serves meanwhile, else calls wait. */
  | {
      readonly type: 'watch.broken';
      readonly service: string;
      readonly error: unknown;
      readonly retryInMs: number;
      readonly stale: boolean;
    }
  /** An entry that is written for other frameworks does not stand, while the registration itself may; tried on. */
  | {
      readonly type: 'entry.unwritten';
      readonly service: string;
      readonly id: string;
      /** Where it should stand. */
      readonly place: string;
      readonly error: unknown;
    }
  /** One of the sources that a registry reads cannot be read; what it said last counts, and it is tried again. */
  | {
      readonly type: 'source.failed';
      /** The service whose watch broke; absent where the source is read as a whole. */
      readonly service?: string;
      /** The name of the source, without secrets. */
      readonly source: string;
      readonly error: unknown;
    }
  /** A source that failed can be read again. */
  | { readonly type: 'source.restored'; readonly service?: string; readonly source: string }
  /** The registry has not answered yet; calls go by what it said to some process, so long ago. */
  | {
      readonly type: 'snapshot.used';
      readonly service: string;
      readonly instances: number;
      readonly ageMs: number;
    }
  /** A snapshot is spoilt, too old, or not ours: it is as if there were none. */
  | {
      readonly type: 'snapshot.ignored';
      readonly service: string;
      readonly path: string;
      readonly error: RookeryError;
    }
  /** Snapshots cannot be written. Told once, until what failed has succeeded. */
  | {
      readonly type: 'snapshot.failed';
      readonly service: string;
      readonly path: string;
      readonly error: RookeryError;
    }
  /** Somebody who follows a service threw; the others, and the watch, go on. */
  | { readonly type: 'listener.failed'; readonly service: string; readonly error: unknown }
  | { readonly type: 'view.failed'; readonly service: string; readonly error: Error }
  | { readonly type: 'instance.removed'; readonly service: string; readonly id: string; readonly cause: DeleteCause }
  | { readonly type: 'entry.malformed'; readonly place: string; readonly error: Error }
  /** Every endpoint begins `idle`, and ends so where it is dropped. */
  | {
      readonly type: 'endpoint.changed';
      readonly service: string;
      readonly id: string;
      readonly address: string;
      readonly state: EndpointState;
      /** What it was for the same client. */
      readonly previous: EndpointState;
      /** Why it is failed, unhealthy or an impostor. */
      readonly error?: string | undefined;
    }
  /** A stream of calls ended with an error: the calls of this connection go one by one, until there is another one. */
  | {
      readonly type: 'mux.broken';
      readonly service: string;
      readonly id: string;
      readonly address: string;
      readonly error: string;
    }
  /** A server has no health service: it counts as healthy for as long as the connection lasts. */
  | { readonly type: 'health.unchecked'; readonly service: string; readonly id: string; readonly address: string };

export type EventSink = (event: RookeryEvent) => void;

/** A sink whose errors are its own: it is called where a fault of it would end a watch, a connection or the process. */
export function guardedSink(sink: EventSink): EventSink {
  return (event) => {
    try {
      sink(event);
    } catch {
      // Nobody is left to tell.
    }
  };
}

/** One sink that any number of listeners can join. */
export class EventHub {
  readonly #listeners = new Set<EventSink>();

  readonly emit: EventSink = (event) => {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch {
        // Whoever listens must not be able to stop the watch or the registration that tells.
      }
    }
  };

  on(listener: EventSink): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
