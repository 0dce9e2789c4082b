import type { Time } from '../../core/time.js';
import { within } from '../../core/time.js';
import { FrameCutter, JuteReader, JuteWriter } from './jute.js';
import {
  connectFrame,
  isFault,
  OP,
  readWelcome,
  XID,
  ZooKeeperError,
  type SessionTicket,
  type Welcome,
} from './protocol.js';
import type { Certificates } from '../certificates.js';
import { openSocket, reasonOfSocket, type Address, type Wire } from './wire.js';

/** How long ending a session may take, ms. */
const END_MS = 1000;
/** How much longer than it should an answer may take where it was this process that stood still, ms. */
const GRACE_MS = 100;

/** What is known of ZooKeeper's history: a server that is behind it refuses us, so that we never see the past. */
export interface Trail {
  zxid: bigint;
}

export interface ConnectionOptions {
  readonly address: Address;
  /** Absent = plain text. */
  readonly tls?: Certificates;
  /** `user:password` of the scheme `digest`. */
  readonly auth?: string;
  /** How long the session shall outlive its connection, ms; the server has the last word. */
  readonly timeoutMs: number;
  readonly ticket: SessionTicket;
  readonly trail: Trail;
  readonly time: Time;
}

/** ZooKeeper says that the session is over, and everything that went with it. */
export class SessionExpired extends Error {
  override readonly name = 'SessionExpired';

  constructor() {
    super('ZooKeeper says that the session has expired');
  }
}

/** The server took the connection, and ended it instead of answering: it is behind us, full, or no ZooKeeper. */
export class HungUp extends Error {
  override readonly name = 'HungUp';

  constructor(cause?: Error) {
    super(`ZooKeeper hung up before it answered${cause ? ` (${cause.message})` : ''}`, cause && { cause });
  }
}

interface Pending {
  readonly path: string;
  readonly sentAt: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export interface Reply {
  readonly zxid: bigint;
  readonly body: JuteReader;
}

/** How long an answer may take, ms: short enough to try others before the session is over. */
export function patienceOf(timeoutMs: number): number {
  return Math.min(5000, Math.max(500, timeoutMs / 4));
}

/**
 * One connection to one server, for one session. It breaks once, and is thrown away then: neither watches nor requests
 * survive it, so that nobody has to know which of them did.
 */
export class Connection {
  /** Hears of what happens at paths that are watched, before any answer that shows it. */
  readonly listeners = new Set<(type: number, path: string) => void>();
  /** Resolves when it is broken or ended, with the reason. */
  readonly closed: Promise<Error>;
  readonly #pending = new Map<number, Pending>();
  readonly #cutter = new FrameCutter();
  #settle!: (reason: Error) => void;
  #welcome: Welcome | undefined;
  #welcomed: ((welcome: Welcome | undefined) => void) | undefined;
  #failure: Error | undefined;
  #xid = 0;
  #heardAt: number;
  #sentAt: number;
  #pingedAt: number | undefined;
  #tick: Disposable | undefined;

  private constructor(
    private readonly options: ConnectionOptions,
    private readonly wire: Wire,
  ) {
    this.closed = new Promise((resolve) => (this.#settle = resolve));
    this.#heardAt = this.#sentAt = options.time.now();
    wire.on('data', (chunk: Buffer) => this.#take(chunk));
    wire.on('error', (error) => this.fail(this.#welcome ? reasonOfSocket(error) : new HungUp(error)));
    wire.on('close', () => this.fail(this.#welcome ? new Error('the connection to ZooKeeper ended') : new HungUp()));
  }

  /**
   * Connects, opens or continues the session, and says who we are. Within the patience of the session, each.
   * @throws {SessionExpired} where the session to continue is over
   */
  static async open(options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
    const { time, timeoutMs, address, tls } = options;
    const patience = patienceOf(timeoutMs);
    const connection = new Connection(options, await openSocket(address, tls, { time, ms: patience, signal }));
    const abort = () => connection.fail(new Error('nobody waits for ZooKeeper any more'));
    signal.addEventListener('abort', abort, { once: true });
    using _limit = time.after(patience, () =>
      connection.fail(new Error(`ZooKeeper did not answer within ${Math.round(patience)} ms`)),
    );
    try {
      if (signal.aborted) abort();
      await connection.#greet();
      return connection;
    } catch (error) {
      connection.fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  get ticket(): SessionTicket {
    return this.#welcome!.ticket;
  }

  /** How long the session outlives its connection, as the server has set it, ms. */
  get timeoutMs(): number {
    return this.#welcome!.timeoutMs;
  }

  /** @param path for errors */
  request(op: number, path: string, write: (writer: JuteWriter) => unknown): Promise<Reply> {
    this.#xid = this.#xid === 0x7fff_ffff ? 1 : this.#xid + 1;
    return this.#ask(this.#xid, op, path, write);
  }

  /** Ends the session, and thereby all that goes with it. Always resolves, within a second. */
  async end(): Promise<void> {
    if (this.#failure) return;
    const asked = this.request(OP.closeSession, '', () => {}).catch(() => {});
    await within(this.options.time, END_MS, Promise.race([asked, this.closed]));
    this.fail(new Error('the session was closed'));
  }

  fail(reason: Error): void {
    if (this.#failure) return;
    this.#failure = reason;
    this.#tick?.[Symbol.dispose]();
    this.wire.destroy();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    this.#settle(reason);
  }

  #ask(xid: number, op: number, path: string, write: (writer: JuteWriter) => unknown): Promise<Reply> {
    if (this.#failure) return Promise.reject(this.#failure);
    const writer = new JuteWriter().int(xid).int(op);
    write(writer);
    return new Promise((resolve, reject) => {
      this.#pending.set(xid, { path, sentAt: this.options.time.now(), resolve, reject });
      this.#send(writer.frame());
    });
  }

  #send(frame: Buffer): void {
    this.#sentAt = this.options.time.now();
    this.wire.write(frame);
  }

  async #greet(): Promise<void> {
    const { ticket, timeoutMs, trail, auth } = this.options;
    const answered = new Promise<Welcome | undefined>((resolve) => (this.#welcomed = resolve));
    this.#send(connectFrame(ticket, timeoutMs, trail.zxid));
    const answer = await Promise.race([answered, this.closed]);
    if (answer instanceof Error) throw answer;
    if (!answer) throw new SessionExpired();
    if (auth !== undefined) {
      const write = (writer: JuteWriter) => writer.int(0).text('digest').text(auth);
      await this.#ask(XID.auth, OP.auth, '', write);
    }
    this.#watchOver();
  }

  #take(chunk: Buffer): void {
    this.#heardAt = this.options.time.now();
    try {
      for (const frame of this.#cutter.cut(chunk)) {
        if (this.#welcome) this.#dispatch(new JuteReader(frame));
        else this.#readWelcome(frame);
      }
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** Read at once: what follows it may be in the same chunk. */
  #readWelcome(frame: Buffer): void {
    this.#welcome = readWelcome(frame);
    this.#welcomed?.(this.#welcome);
    this.#welcomed = undefined;
  }

  #dispatch(body: JuteReader): void {
    const xid = body.int();
    const zxid = body.long();
    const code = body.int();
    if (xid === XID.ping) return void (this.#pingedAt = undefined);
    if (xid === XID.event) return this.#tell(body);
    if (zxid > 0n) this.options.trail.zxid = zxid;
    const pending = this.#pending.get(xid);
    if (!pending) return;
    this.#pending.delete(xid);
    if (code === 0) return pending.resolve({ zxid, body });
    const error = new ZooKeeperError(code, pending.path);
    pending.reject(error);
    // The next connection hears what became of the session.
    if (isFault(error, 'SessionExpired', 'SessionMoved', 'AuthFailed')) this.fail(error);
  }

  #tell(body: JuteReader): void {
    const type = body.int();
    body.int();
    const path = body.text();
    for (const listener of this.listeners) listener(type, path);
  }

  /** Pings where there is nothing else to say, and breaks where nothing is answered for too long. */
  #watchOver(): void {
    const { time } = this.options;
    const patience = patienceOf(this.timeoutMs);
    let overdue = false;
    const look = () => {
      const now = time.now();
      const oldest = this.#pingedAt ?? this.#pending.values().next().value?.sentAt;
      const late = oldest !== undefined && now - Math.max(oldest, this.#heardAt) > patience;
      if (late && overdue) return this.fail(new Error(`ZooKeeper did not answer within ${Math.round(patience)} ms`));
      // Where it was us who stood still, the answer is there, and only has to be read.
      overdue = late;
      if (oldest === undefined && now - this.#sentAt >= this.timeoutMs / 4) this.#ping(now);
      this.#tick = time.after(late ? GRACE_MS : patience / 4, look);
    };
    this.#tick = time.after(patience / 4, look);
  }

  #ping(now: number): void {
    this.#pingedAt = now;
    this.#send(new JuteWriter().int(XID.ping).int(OP.ping).frame());
  }
}
