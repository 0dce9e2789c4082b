import { apply, type ServiceChange, type ServiceDelta, type ServiceState } from './change.js';
import type { Directory, ViewListener } from './directory.js';
import type { Registry } from './registry.js';
import { PENDING, type ServiceView } from './view.js';

/** A directory whose views a spec writes, without a registry behind it. */
export interface ScriptedDirectory extends Directory {
  /** Folds changes into the view of the service and tells its subscribers, before it returns. */
  tell(service: string, ...changes: readonly ServiceChange[]): readonly ServiceDelta[];
  /** Marks the view as failed for good. */
  fail(service: string, error: Error): void;
  /** How many subscribers the service has. */
  subscribers(service: string): number;
}

/** Every service is `pending` until the spec tells something of it. `registry` is only what others read from it. */
export function scriptedDirectory(registry: Registry): ScriptedDirectory {
  return new DirectoryByHand(registry);
}

interface Scripted {
  view: ServiceView;
  revision: number;
  readonly state: ServiceState;
  readonly listeners: Set<ViewListener>;
}

class DirectoryByHand implements ScriptedDirectory {
  readonly #services = new Map<string, Scripted>();

  constructor(readonly registry: Registry) {}

  services(): Iterable<string> {
    return this.#services.keys();
  }

  view(service: string): ServiceView {
    return this.#services.get(service)?.view ?? PENDING;
  }

  subscribe(service: string, listener: ViewListener): Disposable {
    const own: ViewListener = (deltas) => listener(deltas);
    const { listeners } = this.#scripted(service);
    listeners.add(own);
    return { [Symbol.dispose]: () => void listeners.delete(own) };
  }

  tell(service: string, ...changes: readonly ServiceChange[]): readonly ServiceDelta[] {
    const scripted = this.#scripted(service);
    const { state, listeners } = scripted;
    const deltas = changes.flatMap((change) => apply(state, change));
    scripted.revision += deltas.length;
    scripted.view = { status: 'known', instances: state.instances, route: state.route, revision: scripted.revision };
    for (const listener of listeners) listener(deltas);
    return deltas;
  }

  fail(service: string, error: Error): void {
    const scripted = this.#scripted(service);
    scripted.view = { status: 'failed', error };
    for (const listener of scripted.listeners) listener([]);
  }

  subscribers(service: string): number {
    return this.#services.get(service)?.listeners.size ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#services.clear();
  }

  #scripted(service: string): Scripted {
    let scripted = this.#services.get(service);
    if (!scripted) {
      scripted = {
        view: PENDING,
        revision: 0,
        state: { instances: new Map(), route: undefined },
        listeners: new Set(),
      };
      this.#services.set(service, scripted);
    }
    return scripted;
  }
}
