/** How many instances of a service are named that cannot be reached at one time: a lost network would fill the log. */
const NAMED = 10;

/** Instances that cannot be reached, whichever client has tried, and which of them the log has named. */
export class Unreached {
  readonly #services = new Map<string, Map<string, boolean>>();

  /**
   * @returns `named` where the log is to name it, `counted` where it is the first that is not to be named, nothing where
   * all is said
   */
  away(service: string, id: string): 'named' | 'counted' | undefined {
    let away = this.#services.get(service);
    if (!away) this.#services.set(service, (away = new Map()));
    if (away.has(id)) return undefined;
    const named = away.size < NAMED;
    away.set(id, named);
    if (named) return 'named';
    return away.size === NAMED + 1 ? 'counted' : undefined;
  }

  /** @returns whether it was away, and named */
  back(service: string, id: string): boolean {
    const away = this.#services.get(service);
    const named = away?.get(id) ?? false;
    away?.delete(id);
    if (away?.size === 0) this.#services.delete(service);
    return named;
  }
}
