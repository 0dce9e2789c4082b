import type { RegistrySteering } from '../../core/registry.js';
import { checkRouteChange, type GroupRoute } from '../../core/route.js';
import { LATE, within } from '../../core/time.js';
import type { Connection } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import { closed, notWritten } from './faults.js';
import { isFault } from './protocol.js';
import type { Reader } from './reader.js';
import { getData, makeParents, transact } from './requests.js';

/** How long a write may take in all, ms. */
const WRITE_MS = 5000;
/** How often we look again at a route that somebody else writes at the same time. */
const TRIES = 5;

/** What operators write into ZooKeeper by our hand. Nobody waits for one that is away: whoever asks is told. */
export class ZooKeeperSteering implements RegistrySteering {
  /** Out of the sight of whoever prints the registry: the dialer holds the password. */
  readonly #context: ZooKeeperContext;
  readonly #reader: Reader;
  readonly #isClosed: () => boolean;

  constructor(context: ZooKeeperContext, reader: Reader, isClosed: () => boolean) {
    this.#context = context;
    this.#reader = reader;
    this.#isClosed = isClosed;
  }

  async setRoute(service: string, route: GroupRoute | undefined): Promise<void> {
    const checked = checkRouteChange(service, route);
    const { layout, name, time } = this.#context;
    if (this.#isClosed()) throw closed(name);
    const path = layout.routePath(service);
    let late = false;
    const write = this.#write(path, checked && JSON.stringify(checked), () => late || this.#isClosed());
    const answer = await within(time, WRITE_MS, write).catch((error: unknown) => {
      throw this.#isClosed() ? closed(name) : notWritten(this.#context, path, error);
    });
    if (answer !== LATE) return;
    late = true;
    throw notWritten(this.#context, path, new Error(`ZooKeeper did not answer within ${WRITE_MS} ms`));
  }

  async #write(path: string, text: string | undefined, isOver: () => boolean): Promise<void> {
    await using lent = await this.#reader.borrow();
    for (let tries = 0; tries < TRIES && !isOver(); tries += 1) {
      if (await this.#try(lent.connection, path, text)) return;
    }
    throw new Error('somebody else keeps writing it');
  }

  /** Whatever stands there is replaced, but by a write that names it: one that comes late must not undo what came after. */
  async #try(connection: Connection, path: string, text: string | undefined): Promise<boolean> {
    const { acl } = this.#context;
    const found = await getData(connection, path);
    if (!found && text === undefined) return true;
    try {
      if (!found) await transact(connection, [{ op: 'create', path, data: text!, ephemeral: false }], acl);
      else if (text === undefined) await transact(connection, [{ op: 'delete', path, version: found.version }], acl);
      else if (found.owner !== 0n) await this.#replace(connection, path, text, found.version);
      else await transact(connection, [{ op: 'setData', path, data: text, version: found.version }], acl);
      return true;
    } catch (error) {
      if (isFault(error, 'NoNode') && !found) await makeParents(connection, path, acl);
      else if (!isFault(error, 'NoNode', 'NodeExists', 'BadVersion')) throw error;
      return false;
    }
  }

  /** What goes with a session of somebody's cannot be made to stay. */
  async #replace(connection: Connection, path: string, text: string, version: number): Promise<void> {
    const steps = [
      { op: 'delete', path, version },
      { op: 'create', path, data: text, ephemeral: false },
    ] as const;
    await transact(connection, steps, this.#context.acl);
  }
}
