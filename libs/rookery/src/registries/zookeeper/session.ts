import { Backoff } from '../../core/backoff.js';
import type { ServiceInstance } from '../../core/instance.js';
import { pause } from '../../core/time.js';
import { Claim, type ClaimSession } from './claim.js';
import { SessionExpired, type Connection, type Trail } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import { NEW_SESSION, type SessionTicket } from './protocol.js';

/** Who greets and then hangs up is not dialled at full speed: a connection that ends sooner is followed by a pause, ms. */
const STEADY_MS = 1000;
/** After an outage, the first try to get a new session comes within this time, ms, or within a third of the TTL. */
const SPREAD_MS = 5000;

/**
 * The registrations of one listening server: they share one session of ZooKeeper, which is closed with the last of them,
 * so that a write that arrives late can leave no ghost. Only ZooKeeper's word proves it lost; then there is another one,
 * for ever.
 */
export class Session implements ClaimSession {
  /** The connection that serves the session now; none while there is none. */
  connection: Connection | undefined;
  #ticket: SessionTicket = NEW_SESSION;
  readonly #trail: Trail = { zxid: 0n };
  readonly #end = new AbortController();
  readonly #claims = new Set<Claim>();
  /** No server has answered since the session was continued: when ZooKeeper was away, others have lost theirs with us. */
  #outage = false;

  /** @param onEnd called when the session takes no more registrations */
  constructor(
    readonly context: ZooKeeperContext,
    private readonly onEnd: () => void,
  ) {
    void this.#run();
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  register(instance: ServiceInstance): Claim {
    const claim = new Claim(this, instance);
    const same = (other: Claim) => other.instance.service === instance.service && other.instance.id === instance.id;
    const earlier = [...this.#claims].filter(same).map((other) => other.gone);
    this.#claims.add(claim);
    claim.start(Promise.all(earlier));
    return claim;
  }

  async leave(claim: Claim): Promise<void> {
    this.#claims.delete(claim);
    if (this.#claims.size > 0 || this.ended.aborted) return;
    this.onEnd();
    this.#end.abort();
    await this.connection?.end();
  }

  async release(): Promise<void> {
    await Promise.all([...this.#claims].map((claim) => claim[Symbol.asyncDispose]()));
  }

  async #run(): Promise<void> {
    const { dialer, time, random, ttlMs } = this.context;
    // There must be several tries before the session is over.
    const backoff = new Backoff(random, { baseMs: 200, capMs: Math.min(5000, ttlMs / 8) });
    while (!this.ended.aborted) {
      try {
        const connection = await dialer.dial(this.#ticket, this.#trail, this.ended);
        this.#outage = false;
        const since = time.now();
        await this.#serve(connection);
        dialer.passOver();
        if (time.now() - since >= STEADY_MS) backoff.reset();
        else await pause(time, backoff.next(), this.ended);
      } catch (error) {
        if (this.ended.aborted) return;
        if (error instanceof SessionExpired) this.#lose(error);
        else this.#trouble(error);
        await pause(time, this.#spread(error) ?? backoff.next(), this.ended);
      }
    }
  }

  /** Until the connection breaks. One break is nothing: the next one is tried at once. */
  async #serve(connection: Connection): Promise<void> {
    this.#ticket = connection.ticket;
    connection.listeners.add((_type, path) => {
      const id = path.slice(path.lastIndexOf('/') + 1);
      for (const claim of this.#claims) if (claim.id === id) claim.touched(path);
    });
    // It may have ended while the connection was made.
    if (this.ended.aborted) return connection.end();
    this.connection = connection;
    for (const claim of this.#claims) claim.attached();
    await connection.closed;
    this.connection = undefined;
  }

  /** A fleet that lost its sessions together must not come back together; who lost his alone need not wait. */
  #spread(error: unknown): number | undefined {
    if (!(error instanceof SessionExpired)) return undefined;
    if (!this.#outage) return 0;
    this.#outage = false;
    return this.context.random() * Math.min(SPREAD_MS, this.context.ttlMs / 3);
  }

  #trouble(error: unknown): void {
    this.#outage = true;
    for (const claim of this.#claims) claim.troubled(error);
  }

  #lose(error: unknown): void {
    this.#ticket = NEW_SESSION;
    for (const claim of this.#claims) claim.sessionLost(error);
  }
}
