import { randomBytes } from 'node:crypto';
import { Backoff } from '../../core/backoff.js';
import { LATE, within, pause } from '../../core/time.js';
import type { KeepAliveStream } from './client.js';
import type { EtcdContext } from './context.js';
import { isLeaseGone, isLeaseThere } from './faults.js';
import { Wake } from '../entry/wait.js';

/** What becomes of a lease. */
export interface LeaseListener {
  /** There is a lease to put entries under, or it answers again. */
  leased(): void;
  /** etcd says that the lease is gone, and everything under it. */
  leaseLost(error: unknown): void;
  /** etcd does not answer; the lease may well be alive. */
  leaseTroubled(error: unknown): void;
}

/** How long revoking may take when the owner stops, ms. */
const REVOKE_MS = 2000;

/** After an outage, the first try to get a new lease comes within this time, ms, or within a third of the TTL. */
const SPREAD_MS = 5000;

/** A quarter of each second that the lease has, ms. */
const PING_SHARE_MS = 250;

/** One lease of etcd, kept alive, and granted anew for ever when etcd says that it is lost. */
export class Lease {
  /** The id of the lease that etcd has granted; none while there is none. */
  id: string | undefined;
  /** etcd has answered the last ping. */
  healthy = false;
  /** An id that etcd may know of. */
  #asked: string | undefined;
  /** A ping has failed since etcd answered one: when etcd was away, others have lost their leases with us. */
  #outage = false;
  readonly #end = new AbortController();
  readonly #wake = new Wake();

  constructor(
    private readonly context: EtcdContext,
    private readonly listener: LeaseListener,
  ) {}

  start(): void {
    void this.#run();
  }

  /** etcd refused to put something under this lease, since it is gone. */
  gone(id: string, error: unknown): void {
    if (this.id !== id) return;
    this.#lose(error);
    this.#wake.call();
  }

  /** Stops, and revokes the lease. Always resolves, within two seconds. */
  async end(): Promise<void> {
    this.#end.abort();
    const id = this.#asked;
    this.id = undefined;
    if (id === undefined) return;
    const { client, time } = this.context;
    await within(time, REVOKE_MS, revoke()).catch(() => LATE);
    async function revoke(): Promise<void> {
      await client.revoke(id as string, REVOKE_MS / 2).catch((error: unknown) => {
        if (!isLeaseGone(error)) return client.revoke(id as string, REVOKE_MS / 2);
      });
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    const backoff = new Backoff(this.context.random, { baseMs: 200 });
    while (!signal.aborted) {
      // Chosen by us, once: a grant whose answer was lost can be asked for again.
      const id = (this.#asked = leaseId());
      await this.#grant(id, backoff);
      if (signal.aborted) return;
      this.id = id;
      await this.#keep(id, backoff);
      if (!signal.aborted) await pause(this.context.time, this.#spread() ?? backoff.next(), signal);
    }
  }

  /** A fleet that lost its leases together must not come back together; who lost his alone need not wait. */
  #spread(): number | undefined {
    if (!this.#outage) return undefined;
    this.#outage = false;
    return this.context.random() * Math.min(SPREAD_MS, this.context.ttlMs / 3);
  }

  async #grant(id: string, backoff: Backoff): Promise<void> {
    while (!this.#end.signal.aborted) {
      try {
        await this.context.client.grant(id, Math.ceil(this.context.ttlMs / 1000));
        return;
      } catch (error) {
        if (isLeaseThere(error)) return;
        this.#trouble(error);
      }
      await pause(this.context.time, backoff.next(), this.#end.signal);
    }
  }

  /** Pings until the lease is lost. Only etcd knows that: it re-arms every lease when it starts. */
  async #keep(id: string, backoff: Backoff): Promise<void> {
    const { client, time, random, ttlMs } = this.context;
    const { signal } = this.#end;
    const retry = new Backoff(random, { baseMs: 100, capMs: Math.min(5000, ttlMs / 8) });
    // The grant was an answer, too.
    this.#answered();
    for (let failures = 0; !signal.aborted && this.id === id; failures += 1) {
      let stream: KeepAliveStream | undefined;
      try {
        stream = await client.keepAlive();
        stream.onBroken = this.#wake.call;
        await this.#ping(id, stream, () => {
          failures = 0;
          this.#outage = false;
          retry.reset();
          backoff.reset();
        });
      } catch (error) {
        this.#outage = true;
        // One break is nothing: the next try comes at once.
        if (failures > 0) this.#trouble(error);
        if (stream) client.failed(error, stream);
      } finally {
        stream?.close();
      }
      if (this.id === id) await pause(time, retry.next(), signal);
    }
  }

  async #ping(id: string, stream: KeepAliveStream, answered: () => void): Promise<void> {
    const { time, random, ttlMs } = this.context;
    const { signal } = this.#end;
    const patience = Math.min(2500, Math.max(500, ttlMs / 5));
    while (!signal.aborted && this.id === id) {
      stream.write({ ID: id });
      const answer = await stream.take(patience, signal);
      if (signal.aborted || this.id !== id) return;
      if (!answer) {
        stream.abandon();
        throw new Error(`etcd did not answer a keep-alive within ${patience} ms`);
      }
      const ttl = Number(answer.TTL);
      if (ttl <= 0) return this.#lose(new Error('the lease ran out or was revoked'));
      answered();
      this.#answered();
      await this.#wake.wait(signal, { time, ms: ttl * PING_SHARE_MS * (0.9 + 0.2 * random()) });
    }
  }

  #answered(): void {
    if (this.healthy) return;
    this.healthy = true;
    this.listener.leased();
  }

  #trouble(error: unknown): void {
    if (this.#end.signal.aborted) return;
    this.healthy = false;
    this.listener.leaseTroubled(error);
  }

  #lose(error: unknown): void {
    this.id = undefined;
    this.healthy = false;
    this.listener.leaseLost(error);
  }
}

/** A positive 63-bit number: nobody else has it. */
function leaseId(): string {
  return String((BigInt(`0x${randomBytes(8).toString('hex')}`) & 0x7fff_ffff_ffff_ffffn) | 1n);
}
