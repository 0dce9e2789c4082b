import { Wake } from '../entry/wait.js';
import type { Layout } from './layout.js';
import { EVENT } from './protocol.js';

/** What has to be read, and what happened since it was read last. */
export class Feed {
  readonly wake = new Wake();
  /** Ids of entries to which something happened. */
  readonly #ids = new Set<string>();
  #route = false;
  /** Paths that were written and not read since, each with the moment of it. */
  readonly #unread = new Map<string, number>();
  #moment = 0;

  constructor(
    private readonly service: string,
    private readonly layout: Layout,
  ) {}

  /** When something happened last: a read that is sent now may miss whatever happens later. */
  get moment(): number {
    return this.#moment;
  }

  readonly tell = (type: number, path: string): void => {
    this.#moment += 1;
    if (path === this.layout.routePath(this.service)) this.#route = true;
    else {
      const id = this.layout.idOf(this.service, path);
      if (id === undefined) return;
      this.#ids.add(id);
      if (type === EVENT.changed) this.#unread.set(path, this.#moment);
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

  /** What stood there was read, by who asked at that moment: what was written later may not be what was read. */
  read(path: string, asked: number): void {
    if (this.#wasUnread(path, asked)) this.#unread.delete(path);
  }

  /**
   * Nothing stood there for who asked at that moment.
   * @returns whether it was written before it was deleted, and nobody has read what
   */
  gone(path: string, asked: number): boolean {
    return this.#wasUnread(path, asked) && this.#unread.delete(path);
  }

  #wasUnread(path: string, asked: number): boolean {
    const written = this.#unread.get(path);
    return written !== undefined && written <= asked;
  }
}
