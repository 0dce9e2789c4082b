import { formatAddress } from '../../core/address.js';
import { RookeryError } from '../../core/errors.js';
import { AddressBook, leastTtl, type Addresses, type Family } from './addresses.js';
import { inParallel } from './in-parallel.js';
import type { SrvData } from './message.js';
import type { DnsName } from './name.js';
import { Unresolved, type Resolved, type Resolver } from './resolver.js';
import { weightsOf } from './weights.js';

/** What DNS says of a service now. */
export interface Listing {
  /** By address. */
  readonly instances: readonly Listed[];
  /** Addresses that are there, and wait for those of a better priority to go. */
  readonly spare: ReadonlySet<string>;
  /** How long this stays true; absent where DNS is silent about it. */
  readonly ttlMs?: number;
}

export interface Listed {
  readonly address: string;
  readonly weight: number;
}

export interface LookupOptions {
  readonly resolver: Resolver;
  readonly question: DnsName;
  /** The names that the question may mean, in order. */
  readonly candidates: readonly string[];
  readonly family: Family | undefined;
  /** Hears of a record that is of no use. */
  readonly onMalformed: (place: string, error: RookeryError) => void;
}

/** An address with its part of what its record may have. */
interface Share {
  readonly address: string;
  readonly priority: number;
  readonly share: number;
}

/** How many targets are asked for at once. */
const PARALLEL = 16;

/** Asks for one service, again and again. */
export class ServiceLookup {
  /** The candidate that had entries when it was last asked. */
  #known: string | undefined;
  readonly #addresses: AddressBook;

  constructor(private readonly options: LookupOptions) {
    this.#addresses = new AddressBook(options.resolver, options.family);
  }

  /** Whether it asks for these names, in this order. */
  suits(candidates: readonly string[]): boolean {
    return candidates.join(' ') === this.options.candidates.join(' ');
  }

  /** @throws {RookeryError} ROOKERY_REGISTRY_UNREACHABLE, ROOKERY_REGISTRY_REFUSED */
  async look(signal: AbortSignal): Promise<Listing> {
    const { question } = this.options;
    return question.type === 'srv' ? this.#srv(signal) : this.#host(question.port, signal);
  }

  async #host(port: number, signal: AbortSignal): Promise<Listing> {
    const found = await this.#search(
      (name) => this.#addresses.ask(name, signal),
      ({ addresses }) => addresses.length > 0,
    );
    const shares = found.addresses.map((ip) => ({ address: formatAddress(ip, port), priority: 0, share: 1 }));
    return { ...listed(shares), ...leastTtl([found]) };
  }

  async #srv(signal: AbortSignal): Promise<Listing> {
    const { resolver } = this.options;
    const found = await this.#search<Resolved>(
      (name) => resolver.resolve({ name, type: 'SRV' }, signal),
      ({ records }) => records.length > 0,
    );
    const records = found.records.flatMap((record) => (record.type === 'SRV' ? [record] : []));
    const usable = records.filter((record) => this.#isUsable(record));
    const targets = await this.#addressesOf(new Set(usable.map(({ target }) => target)), found, signal);
    const shares = usable.flatMap(({ target, port, priority, weight }) => {
      const { addresses = [] } = targets.get(target) ?? {};
      // The share of a target is that of all its addresses together.
      return addresses.map((ip) => ({ address: formatAddress(ip, port), priority, share: weight / addresses.length }));
    });
    return { ...listed(shares), ...leastTtl([found, ...targets.values()]) };
  }

  /** A target that is the root says that there is no such service (RFC 2782). */
  #isUsable({ target, port }: SrvData): boolean {
    if (target === '') return false;
    if (port > 0) return true;
    this.options.onMalformed(`${target}:0`, malformed(target, 'found port 0.'));
    return false;
  }

  /** Of those that cannot be had: what they were. A server that is dead for a part of the names takes none along. */
  async #addressesOf(
    targets: ReadonlySet<string>,
    { additional }: Resolved,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Addresses>> {
    const found = new Map<string, Addresses>();
    let failure: unknown;
    /** Nobody has answered for a target: the others are not waited for in turn, or a look would take minutes. */
    let silent = false;
    this.#addresses.keep(targets);
    await inParallel(PARALLEL, targets, async (target) => {
      try {
        if (silent && !this.#addresses.take(additional, target)) throw failure;
        const known = this.#addresses.take(additional, target) ?? (await this.#addresses.ask(target, signal));
        found.set(target, known);
        if (known.addresses.length > 0) return;
        this.options.onMalformed(target, malformed(target, 'found no address of this target.'));
      } catch (error) {
        failure = error;
        silent ||= error instanceof Unresolved && !error.heard;
        const { addresses } = this.#addresses.known(target);
        found.set(target, { addresses, ttlMs: 0 });
        if (addresses.length === 0 && !signal.aborted && error instanceof RookeryError)
          this.options.onMalformed(target, error);
      }
    });
    const none = [...found.values()].every(({ addresses }) => addresses.length === 0);
    if (failure !== undefined && (signal.aborted || none)) throw failure;
    return found;
  }

  /**
   * The first of the candidates that has something, beginning with the one that had it before. That one also says that
   * there is nothing, whatever becomes of the others; until there is one, a server that fails may have meant the right name.
   */
  async #search<T>(ask: (name: string) => Promise<T>, hasEntries: (answer: T) => boolean): Promise<T> {
    const before = this.#known;
    let nothing = before === undefined ? undefined : await ask(before);
    if (nothing !== undefined && hasEntries(nothing)) return nothing;
    const failures: Unresolved[] = [];
    for (const name of this.options.candidates) {
      if (name === before) continue;
      try {
        const answer = await ask(name);
        nothing ??= answer;
        if (!hasEntries(answer)) continue;
        this.#known = name;
        return answer;
      } catch (error) {
        if (!(error instanceof Unresolved)) throw error;
        failures.push(error);
        // Servers that refuse one name may have another; those that are silent are so for all of them.
        if (!error.heard) break;
      }
    }
    const decisive = before !== undefined || failures.every(({ code }) => code === 'ROOKERY_REGISTRY_REFUSED');
    if (nothing !== undefined && decisive) return nothing;
    throw failures.find(({ code }) => code !== 'ROOKERY_REGISTRY_REFUSED') ?? failures[0]!;
  }
}

/** Those of the best priority, by address; a host with several names for one address has one instance there. */
function listed(shares: readonly Share[]): Listing {
  const best = Math.min(...shares.map(({ priority }) => priority));
  const first = new Map<string, number>();
  for (const { address, priority, share } of shares)
    if (priority === best) first.set(address, (first.get(address) ?? 0) + share);
  const sorted = [...first].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const weights = weightsOf(sorted.map(([, share]) => share));
  const spare = shares.map(({ address }) => address).filter((address) => !first.has(address));
  return { instances: sorted.map(([address], i) => ({ address, weight: weights[i]! })), spare: new Set(spare) };
}

function malformed(target: string, found: string): RookeryError {
  return new RookeryError('ROOKERY_ENTRY_MALFORMED', {
    path: `SRV target ${target}`,
    found,
    remedy: 'Correct the record; the others count.',
  });
}
