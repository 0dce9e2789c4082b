import type { Agent } from 'node:http';
import type { RookeryError } from '../../core/errors.js';
import type { Time } from '../../core/time.js';
import { parseServiceList, type ServiceList } from '../service-list.js';
import { settled } from '../settled.js';
import { statusFault, transportFault } from './faults.js';
import { intervalOf } from './freshness.js';
import type { HttpHeaders, HttpSettings } from './options.js';
import { get, type HttpReply } from './request.js';
import { Shared } from './shared.js';

export interface RemoteListOptions {
  readonly settings: HttpSettings;
  /** What the list is called in errors: the URL without secrets. */
  readonly place: string;
  readonly agent: Agent;
  readonly time: Time;
  readonly onMalformed: (error: RookeryError) => void;
}

/** One answer, or that there is nothing new. */
export interface Look {
  /** Counts the looks at a list. */
  readonly number: number;
  /** When it was had, by the clock. */
  readonly at: number;
  readonly list: ServiceList | undefined;
  /** When to ask again, ms, as far as the server says. */
  readonly intervalMs: number;
  /** The server was asked to wait for a change. */
  readonly waited: boolean;
}

/** What a server is asked to wait for a change at most. */
export const WAIT_MS = 30_000;

/**
 * The list of one service, or of all, and what it takes to be told only what is new (RFC 9110 §13). Those who watch share
 * each look, and it outlives a watch that fails.
 */
export class RemoteList {
  #list: ServiceList | undefined;
  #validators: HttpHeaders = {};
  /** What is wrong with the list, and has been told. */
  #told = new Set<string>();
  #last: Look | undefined;
  #current: Shared<Look> | undefined;
  /** The current look is one for which the server waits for a change. */
  #waits = false;

  /** @param service the one that the URL is about, else `''` */
  constructor(
    private readonly service: string,
    private readonly options: RemoteListOptions,
  ) {}

  /**
   * What the server says now, or has just said to another one who watches.
   * @param before the look before, of the same watch: who has none, or an older one than others, has nothing to wait for
   * @throws {RookeryError} ROOKERY_REGISTRY_UNREACHABLE, _REFUSED, _UNTRUSTED; ROOKERY_ENTRY_MALFORMED where there is no list yet
   */
  look(signal: AbortSignal, before?: Look): Promise<Look> {
    const last = this.#last;
    if (last && before?.number !== last.number) {
      const intervalMs = last.intervalMs - (this.options.time.now() - last.at);
      const waiting = this.#waits && this.#current?.over === false;
      if (intervalMs > 0 || waiting) return Promise.resolve({ ...last, intervalMs: Math.max(0, intervalMs) });
    }
    if (!this.#current || this.#current.over)
      this.#current = new Shared((ends) =>
        this.#look(ends, before !== undefined && before.list === this.#list).catch(this.#forget),
      );
    return this.#current.join(signal);
  }

  /** After a fault nobody is told that what was said before it still counts. */
  readonly #forget = (error: unknown): never => {
    this.#last = undefined;
    throw error;
  };

  async #look(signal: AbortSignal, current: boolean): Promise<Look> {
    const { settings, place, time } = this.options;
    const waits = settings.longPoll && current && this.#validators['if-none-match'] !== undefined;
    this.#waits = waits;
    const { status, headers, body } = await this.#get(waits, signal);
    const known = status === 304 && this.#list !== undefined;
    if (!known && status !== 200) throw statusFault(place, status);
    if (!known) this.#take(body, headers);
    const intervalMs = intervalOf(headers, settings.intervalMs);
    const number = (this.#last?.number ?? 0) + 1;
    return (this.#last = { number, at: time.now(), list: this.#list, intervalMs, waited: waits });
  }

  async #get(waits: boolean, signal: AbortSignal): Promise<HttpReply> {
    const { settings, place, agent, time } = this.options;
    const { credentials, timeoutMs } = settings;
    try {
      return await get({
        url: settings.urlOf(this.service),
        headers: {
          accept: 'application/json',
          ...(credentials !== undefined && { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
          ...this.#validators,
          ...(waits && { prefer: `wait=${WAIT_MS / 1000}` }),
          ...(await this.#headers(signal)),
        },
        agent,
        time,
        timeoutMs: timeoutMs + (waits ? WAIT_MS : 0),
        signal,
      });
    } catch (error) {
      throw transportFault(place, error);
    }
  }

  /** Whoever gives us a token has no longer than the server has. */
  #headers(signal: AbortSignal): Promise<HttpHeaders> {
    const { time, settings } = this.options;
    return settled({ time, timeoutMs: settings.timeoutMs, signal }, (resolve, reject) => {
      settings.headers().then(resolve, reject);
      return () => {};
    });
  }

  /** A text that is no list changes nothing where there is one, and is asked for again. */
  #take(body: string, headers: HttpReply['headers']): void {
    const { settings, place } = this.options;
    try {
      const service = settings.ofOneService ? this.service : undefined;
      this.#list = parseServiceList(body, { place, unix: false, before: this.#list, service });
      this.#validators = validatorsOf(headers);
      this.#tell(this.#list.malformed);
    } catch (error) {
      if (!this.#list) throw error;
      this.#validators = {};
      this.#tell([error as RookeryError]);
    }
  }

  #tell(malformed: readonly RookeryError[]): void {
    const news = malformed.filter(({ message }) => !this.#told.has(message));
    this.#told = new Set(malformed.map(({ message }) => message));
    for (const error of news) this.options.onMalformed(error);
  }
}

function validatorsOf({ etag, 'last-modified': modified }: HttpReply['headers']): HttpHeaders {
  return {
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(modified !== undefined && { 'if-modified-since': modified }),
  };
}
