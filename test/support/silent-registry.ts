import { EventHub, RookeryError, type Registration, type RegistrationState, type Registry } from 'rookery/core';

/** A registry that is out of reach: it takes registrations, and accepts none before `answer` is called. */
export interface SilentRegistry extends Registry {
  answer(): void;
  /** Breaks every watch, and starts none again. */
  breakWatches(): void;
}

export function silentRegistry(): SilentRegistry {
  const answered = deferred<void>();
  const broken = deferred<void>();
  return {
    name: 'silent:',
    capabilities: {
      register: true,
      steer: false,
      routes: false,
      push: true,
      lease: false,
      weights: true,
      groups: true,
      propagationMs: 0,
      reach: 'process',
    },
    events: new EventHub(),
    answer: answered.resolve,
    breakWatches: broken.resolve,
    register: (instance) => {
      let state: RegistrationState = 'registering';
      const released = deferred<never>();
      const registered = Promise.race([answered.promise, released.promise]);
      registered.catch(() => undefined);
      void answered.promise.then(() => state === 'registering' && (state = 'registered'));
      return {
        instance,
        get state() {
          return state;
        },
        registered,
        update: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => {
          state = 'released';
          released.reject(new RookeryError('ROOKERY_REGISTRATION_RELEASED', { found: 'released.', remedy: 'None.' }));
          return Promise.resolve();
        },
      } satisfies Registration;
    },
    async *watch(_service, signal) {
      const ended = new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield [{ type: 'reset', instances: [] }];
      await Promise.race([broken.promise, ended]);
      if (!signal.aborted) throw new Error('no route');
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}
