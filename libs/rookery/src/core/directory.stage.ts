import { apply, type ServiceChange, type ServiceDelta, type ServiceState } from './change.js';
import type { Directory, ViewListener } from './directory.js';
import { checkExplainCall, explainService, type ChannelExplainer, type ExplainCall } from './explain.js';
import type { Registry } from './registry.js';
import { PENDING, type ServiceView } from './view.js';

/** A directory whose views a spec writes, without a registry behind it. */
export interface ScriptedDirectory extends Directory {
  /** Folds changes into the view of the service and tells its subscribers, before it returns. */
  tell(service: string, ...changes: readonly ServiceChange[]): readonly ServiceDelta[];
  /** The watch has broken before it said anything: subscribers hear of it, and nothing has changed. */
  stir(service: string): void;
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
  readonly listeners: Map<ViewListener, ChannelExplainer | undefined>;
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

  explain(service: string, call: ExplainCall = {}) {
    const scripted = this.#services.get(service);
    const channels = [...(scripted?.listeners.values() ?? [])].filter((channel) => channel !== undefined);
    const checked = checkExplainCall(call);
    const reports = new Map(channels.map((channel, i) => [i + 1, channel.explain(checked)]));
    return explainService({ service, registry: this.registry.name, view: scripted?.view, call, reports, now: 0 });
  }

  subscribe(service: string, listener: ViewListener, channel?: ChannelExplainer): Disposable {
    const own: ViewListener = (deltas) => listener(deltas);
    const { listeners } = this.#scripted(service);
    listeners.set(own, channel);
    return { [Symbol.dispose]: () => void listeners.delete(own) };
  }

  tell(service: string, ...changes: readonly ServiceChange[]): readonly ServiceDelta[] {
    const scripted = this.#scripted(service);
    const { state, listeners } = scripted;
    const deltas = changes.flatMap((change) => apply(state, change));
    scripted.revision += deltas.length;
    scripted.view = { status: 'known', instances: state.instances, route: state.route, revision: scripted.revision };
    for (const listener of listeners.keys()) listener(deltas);
    return deltas;
  }

  stir(service: string): void {
    for (const listener of this.#scripted(service).listeners.keys()) listener([]);
  }

  fail(service: string, error: Error): void {
    const scripted = this.#scripted(service);
    scripted.view = { status: 'failed', error };
    for (const listener of scripted.listeners.keys()) listener([]);
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
        listeners: new Map(),
      };
      this.#services.set(service, scripted);
    }
    return scripted;
  }
}
