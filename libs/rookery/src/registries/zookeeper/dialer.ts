import type { Random, Time } from '../../core/time.js';
import { Connection, HungUp, SessionExpired, type ConnectionOptions, type Trail } from './connection.js';
import type { SessionTicket } from './protocol.js';
import type { Address } from './wire.js';

export type DialerOptions = Pick<ConnectionOptions, 'tls' | 'auth' | 'timeoutMs'> & {
  readonly addresses: readonly Address[];
};

/**
 * Connects to whichever server answers, beginning with the one that did last, or behind the one whose connection broke; at
 * first with any, so that a fleet spreads.
 */
export class Dialer {
  /** A server has answered: whatever goes wrong from here on, we speak as it does. */
  answered = false;
  #at: number;

  constructor(
    private readonly options: DialerOptions,
    private readonly time: Time,
    random: Random,
  ) {
    this.#at = Math.floor(random() * options.addresses.length);
  }

  /** The server that answered last may hang: asked first again, it would cost what is left of a session. */
  passOver(): void {
    this.#at = (this.#at + 1) % this.options.addresses.length;
  }

  /**
   * Tries every server once.
   * @throws {SessionExpired} where the session to continue is over; else what the last server said
   */
  async dial(ticket: SessionTicket, trail: Trail, signal: AbortSignal): Promise<Connection> {
    const { addresses, ...options } = this.options;
    let failure: unknown;
    let hungUp = 0;
    const first = this.#at;
    for (let tries = 0; tries < addresses.length && !signal.aborted; tries += 1) {
      const at = (first + tries) % addresses.length;
      const address = addresses[at]!;
      try {
        const connection = await Connection.open({ ...options, address, ticket, trail, time: this.time }, signal);
        this.answered = true;
        this.#at = at;
        return connection;
      } catch (error) {
        if (error instanceof SessionExpired) {
          this.answered = true;
          throw error;
        }
        failure = error;
        if (error instanceof HungUp) hungUp += 1;
      }
    }
    // A ZooKeeper that lost its data is behind us for ever, and says so in no other way; where only some servers hang up,
    // those that did not answer may know what we have seen.
    if (hungUp === addresses.length) trail.zxid = 0n;
    throw failure ?? new Error('nobody waits for ZooKeeper any more');
  }
}
