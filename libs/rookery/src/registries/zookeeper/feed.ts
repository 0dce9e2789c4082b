import { Wake } from '../entry/wait.js';
import type { Layout } from './layout.js';
import { EVENT } from './protocol.js';

/** What has to be read, and what happened since it was read last. */
export class Feed {
  readonly wake = new Wake();
  /** Ids of entries to which something happened. */
  readonly #ids = new Set<string>();
  #route = false;
  /** Paths that were written, and not read since. */
  readonly #unread = new Set<string>();

  constructor(
    private readonly service: string,
    private readonly layout: Layout,
  ) {}

  readonly tell = (type: number, path: string): void => {
    if (path === this.layout.routePath(this.service)) this.#route = true;
    else {
      const id = this.layout.idOf(this.service, path);
      if (id === undefined) return;
      this.#ids.add(id);
      if (type === EVENT.changed) this.#unread.add(path);
      else if (type === EVENT.created) this.#unread.delete(path);
    }
    this.wake.call();
  };

  /** What has to be read now; from here on, it is asked for again only where something more happens. */
  take(): { readonly ids: readonly string[]; readonly route: boolean } {
    const taken = { ids: [...this.#ids], route: this.#route };
    this.#ids.clear();
    this.#route = false;
    return taken;
  }

  /** Something more has happened to it since it was taken. */
  isDue(id: string): boolean {
    return this.#ids.has(id);
  }

  /** What stands there was read. */
  read(path: string): void {
    this.#unread.delete(path);
  }

  /** Nothing stands there. @returns whether it was written before it was deleted, and nobody has read what */
  gone(path: string): boolean {
    return this.#unread.delete(path);
  }
}
