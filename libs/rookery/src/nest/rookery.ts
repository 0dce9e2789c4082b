import type { Directory } from '../core/directory.js';
import type { Registration, Registry } from '../core/registry.js';
import type { RookeryLifecycle } from './lifecycle.js';
import type { RookeryRuntime } from './runtime.js';

/** What an application can ask of, and tell, its own Rookery. Injectable wherever `RookeryModule.forRoot` is seen. */
export class Rookery {
  readonly registry: Registry;
  readonly directory: Directory;

  constructor(
    runtime: RookeryRuntime,
    private readonly lifecycle: RookeryLifecycle,
  ) {
    this.registry = runtime.registry;
    this.directory = runtime.directory;
  }

  /** The live claims of this application's servers. */
  get registrations(): readonly Registration[] {
    return [...this.lifecycle.servers].flatMap(({ hosted }) => hosted?.registrations ?? []);
  }

  /** Registers every listening server that is not registered. Resolves when the registry has accepted them. */
  register(): Promise<void> {
    return this.lifecycle.registerAll();
  }

  /** Deregisters every server; they go on serving the calls that still come. */
  deregister(): Promise<void> {
    return this.lifecycle.withdrawAll();
  }

  /** Resolves when every registration is accepted; rejects with the signal's reason when it aborts first. */
  registered(signal?: AbortSignal): Promise<void> {
    const all = Promise.all(this.registrations.map(({ registered }) => registered)).then(() => undefined);
    if (!signal) return all;
    return Promise.race([all, aborted(signal)]);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the caller chose the reason
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
