import type { Connection } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import { NEW_SESSION } from './protocol.js';
import { addWatch, removeWatch } from './requests.js';

/** Who uses the connection for as long as it is not disposed of. */
export interface Lent extends AsyncDisposable {
  readonly connection: Connection;
  /** Has ZooKeeper tell of everything at and under a path, until the loan ends. */
  watch(path: string): Promise<void>;
}

/**
 * The one connection over which everything is read that is not ours: ZooKeeper takes few of one address. It is made for the
 * first who needs it, ends with the last, and once it is broken the next one gets another: as nothing goes with its
 * session, there is nothing to continue.
 */
export class Reader {
  readonly #trail = { zxid: 0n };
  #line: Line | undefined;

  constructor(private readonly context: ZooKeeperContext) {}

  /** @throws what the last server said, where none takes the connection */
  async borrow(): Promise<Lent> {
    const line = (this.#line ??= this.#open());
    line.users += 1;
    try {
      const connection = await line.connection;
      return { connection, ...this.#loan(line, connection) };
    } catch (error) {
      await this.#leave(line);
      throw error;
    }
  }

  /** Ends the connection, whoever still uses it: a watch that nobody reads to its end would hold the process. */
  async close(): Promise<void> {
    const line = this.#line;
    if (!line) return;
    this.#line = undefined;
    line.abort.abort();
    const connection = await line.connection.catch(() => undefined);
    await connection?.end();
  }

  #open(): Line {
    const abort = new AbortController();
    const connection = this.context.dialer.dial(NEW_SESSION, this.#trail, abort.signal);
    const line: Line = { connection, abort, users: 0, watched: new Map() };
    const forget = () => {
      if (this.#line === line) this.#line = undefined;
    };
    connection.then(async ({ closed }) => closed.then(forget), forget);
    return line;
  }

  #loan(line: Line, connection: Connection): Omit<Lent, 'connection'> {
    const watched: string[] = [];
    let over: Promise<void> | undefined;
    return {
      watch: async (path) => {
        watched.push(path);
        line.watched.set(path, (line.watched.get(path) ?? 0) + 1);
        await addWatch(connection, path);
      },
      [Symbol.asyncDispose]: () => (over ??= this.#end(line, connection, watched)),
    };
  }

  async #end(line: Line, connection: Connection, watched: readonly string[]): Promise<void> {
    for (const path of watched) {
      const others = line.watched.get(path)! - 1;
      line.watched.set(path, others);
      // Nobody would miss it, but ZooKeeper would go on telling. It goes with the session where there are no others.
      if (others === 0 && line.users > 1) void removeWatch(connection, path).catch(() => {});
    }
    await this.#leave(line);
  }

  async #leave(line: Line): Promise<void> {
    line.users -= 1;
    if (line.users > 0) return;
    if (this.#line === line) this.#line = undefined;
    line.abort.abort();
    const connection = await line.connection.catch(() => undefined);
    await connection?.end();
  }
}

interface Line {
  readonly connection: Promise<Connection>;
  readonly abort: AbortController;
  users: number;
  /** How many watch each path. */
  readonly watched: Map<string, number>;
}
