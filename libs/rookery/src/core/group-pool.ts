import { HOPELESS, type Endpoint } from './endpoint.js';
import { isServing } from './instance.js';
import type { Picker, PickerFactory } from './picker.js';
import type { Random } from './time.js';

/** How an endpoint counts in its pool. */
interface Standing {
  weight: number;
  /** Up, of weight, and neither failed nor unhealthy: a call may wait for it. */
  readonly hopeful: boolean;
  /** Hopeful, connected, and not suspect: a call may go to it. */
  readonly usable: boolean;
  /** Usable, and in the registry. */
  readonly registered: boolean;
  readonly unhealthy: boolean;
}

/** The endpoints of one group (or of all): the usable ones in a picker, the others counted. */
export class GroupPool {
  readonly #picker: Picker<Endpoint>;
  readonly #standings = new Map<Endpoint, Standing>();
  hopeful = 0;
  usable = 0;
  registered = 0;
  unhealthy = 0;

  constructor(factory: PickerFactory, random: Random) {
    this.#picker = factory<Endpoint>(random);
  }

  get size(): number {
    return this.#standings.size;
  }

  /** No instance that is up, has weight, and is neither failed nor unhealthy. */
  get missing(): boolean {
    return this.hopeful === 0;
  }

  /** Places an endpoint as it stands now; says whether a waiting call could fare differently. */
  place(endpoint: Endpoint): boolean {
    const before = this.#standings.get(endpoint);
    const { instance, draining, quarantined, state, suspect, weight } = endpoint;
    const hopeful = isServing(instance) && !draining && !HOPELESS.includes(state);
    const usable = hopeful && state === 'ready' && !suspect;
    const after = { weight, hopeful, usable, registered: usable && !quarantined, unhealthy: state === 'unhealthy' };
    this.#standings.set(endpoint, after);
    this.#count(before, after);
    if (after.usable && !before?.usable) this.#picker.add(endpoint);
    else if (!after.usable && before?.usable) this.#picker.remove(endpoint);
    else if (after.usable && after.weight !== before?.weight) this.#picker.reweigh(endpoint);
    return before?.usable !== after.usable || before?.hopeful !== after.hopeful;
  }

  remove(endpoint: Endpoint): void {
    const before = this.#standings.get(endpoint);
    if (!before) return;
    this.#standings.delete(endpoint);
    this.#count(before, undefined);
    if (before.usable) this.#picker.remove(endpoint);
  }

  pick(request: Parameters<Picker<Endpoint>['pick']>[0]): Endpoint | undefined {
    return this.#picker.pick(request);
  }

  #count(before: Standing | undefined, after: Standing | undefined): void {
    this.hopeful += Number(after?.hopeful ?? false) - Number(before?.hopeful ?? false);
    this.usable += Number(after?.usable ?? false) - Number(before?.usable ?? false);
    this.registered += Number(after?.registered ?? false) - Number(before?.registered ?? false);
    this.unhealthy += Number(after?.unhealthy ?? false) - Number(before?.unhealthy ?? false);
  }
}
