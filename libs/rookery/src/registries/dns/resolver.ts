import { formatAddress } from '../../core/address.js';
import { messageOf, RookeryError } from '../../core/errors.js';
import type { Time } from '../../core/time.js';
import { exchange, type DnsServer } from './exchange.js';
import { canonical, type Answer, type DnsRecord, type Question } from './message.js';

export interface ResolverOptions {
  /** In the order in which they are asked; looked up anew for each question. */
  readonly servers: () => readonly DnsServer[];
  readonly time: Time;
  /** For one try at one server. */
  readonly timeoutMs: number;
}

/** What there is under a name. */
export interface Resolved {
  /** Those that were asked for; none where the name, or its records, do not exist. */
  readonly records: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  /** How long this stays true; absent where the answer is silent about it. */
  readonly ttlMs?: number;
}

/** No server has answered the question. */
export class Unresolved extends RookeryError {
  /** @param heard a server spoke, and would not or could not answer */
  constructor(
    readonly heard: boolean,
    ...details: ConstructorParameters<typeof RookeryError>
  ) {
    super(...details);
  }
}

/** Each server is asked so often, as resolv.conf(5) has it. */
const ROUNDS = 2;
/** How many names may stand for one another; what goes on for longer goes in circles. */
const MAX_ALIASES = 8;

/** Asks servers one after the other, beginning with the one that has answered last. */
export class Resolver {
  #answered: string | undefined;

  constructor(private readonly options: ResolverOptions) {}

  /**
   * The records of a name, or of the name that it stands for.
   * @throws {RookeryError} ROOKERY_REGISTRY_UNREACHABLE, ROOKERY_REGISTRY_REFUSED
   */
  async resolve(question: Question, signal: AbortSignal): Promise<Resolved> {
    let name = canonical(question.name);
    let ttlMs = Infinity;
    for (let hops = 0; hops < MAX_ALIASES; hops += 1) {
      const answer = await this.#ask({ ...question, name }, signal);
      const asked = name;
      for (let alias; (alias = aliasOf(answer, name)) && hops < MAX_ALIASES; hops += 1) {
        ttlMs = Math.min(ttlMs, alias.ttlMs);
        name = alias.target;
      }
      if (hops >= MAX_ALIASES) break;
      const records = answer.records.filter((record) => record.type === question.type && record.name === name);
      if (records.length === 0 && name !== asked && answer.rcode === 'NOERROR' && !answer.negativeTtlMs) continue;
      const ttls = records.length > 0 ? records.map((record) => record.ttlMs) : [answer.negativeTtlMs ?? Infinity];
      ttlMs = Math.min(ttlMs, ...ttls);
      return { records, additional: answer.additional, ...(ttlMs < Infinity && { ttlMs }) };
    }
    throw unresolved(question, ['its aliases go in circles'], true);
  }

  async #ask(question: Question, signal: AbortSignal): Promise<Answer> {
    const { time, timeoutMs } = this.options;
    const servers = this.#inOrder();
    const faults = new Map<string, Fault>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const server of servers) {
        const address = formatAddress(server.host, server.port);
        try {
          const answer = await exchange({ server, question, time, timeoutMs, signal });
          if (answer.rcode === 'NOERROR' || answer.rcode === 'NXDOMAIN') {
            this.#answered = address;
            return answer;
          }
          faults.set(address, { text: answer.rcode, heard: true });
        } catch (error) {
          if (signal.aborted) throw error;
          faults.set(address, { text: messageOf(error), heard: false });
        }
      }
    }
    throw unanswered(question, faults);
  }

  #inOrder(): readonly DnsServer[] {
    const servers = this.options.servers();
    const first = servers.findIndex(({ host, port }) => formatAddress(host, port) === this.#answered);
    return first > 0 ? [...servers.slice(first), ...servers.slice(0, first)] : servers;
  }
}

function aliasOf({ records }: Answer, name: string): Extract<DnsRecord, { type: 'CNAME' }> | undefined {
  return records.find((record) => record.type === 'CNAME' && record.name === name) as
    Extract<DnsRecord, { type: 'CNAME' }> | undefined;
}

interface Fault {
  readonly text: string;
  readonly heard: boolean;
}

function unanswered(question: Question, faults: ReadonlyMap<string, Fault>): Unresolved {
  const texts = [...faults].map(([server, { text }]) => `${server}: ${text}`);
  const rcodes = new Set([...faults.values()].map(({ text }) => text));
  const refused = rcodes.size === 1 && rcodes.has('REFUSED');
  const heard = [...faults.values()].some((fault) => fault.heard);
  return unresolved(question, texts.length > 0 ? texts : ['there is no DNS server to ask'], heard, refused);
}

function unresolved({ name, type }: Question, faults: readonly string[], heard: boolean, refused = false): Unresolved {
  return new Unresolved(heard, refused ? 'ROOKERY_REGISTRY_REFUSED' : 'ROOKERY_REGISTRY_UNREACHABLE', {
    path: `${type} ${name}`,
    found: `${faults.join('; ')}.`,
    remedy: refused
      ? 'This server does not answer for that name, or not to us: name one that does in `servers`.'
      : 'Look at the DNS servers: those of the machine, or those of the option `servers`. Trying again.',
  });
}
