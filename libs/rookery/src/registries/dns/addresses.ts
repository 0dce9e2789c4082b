import { canonical, type DnsRecord } from './message.js';
import type { Resolved, Resolver } from './resolver.js';

export type Family = 4 | 6;

/** The addresses of one name. */
export interface Addresses {
  readonly addresses: readonly string[];
  /** 0 where something could not be asked: it is time to look again. */
  readonly ttlMs?: number;
}

type AddressType = 'A' | 'AAAA';

/** What can be had of a name may be less than there is: what was known of the rest stays until it can be had again. */
export class AddressBook {
  readonly #types: readonly AddressType[];
  /** The last answers, by name and type. */
  readonly #last = new Map<string, Map<AddressType, Resolved>>();

  constructor(
    private readonly resolver: Resolver,
    private readonly family: Family | undefined,
  ) {
    this.#types = family === 4 ? ['A'] : family === 6 ? ['AAAA'] : ['A', 'AAAA'];
  }

  /**
   * A and AAAA records, or those of one family. There are servers that never answer for AAAA: where one of the two kinds
   * can be had, it counts.
   * @throws {RookeryError} what the resolver throws, where none can be had
   */
  async ask(name: string, signal: AbortSignal): Promise<Addresses> {
    // Not asked of anybody (RFC 6761 §6.3). Where a machine has ::1, too, its servers need not listen there.
    if (isLoopbackName(name)) return { addresses: [this.family === 6 ? '::1' : '127.0.0.1'] };
    const asked = await Promise.allSettled(this.#types.map((type) => this.resolver.resolve({ name, type }, signal)));
    const failed = asked.find((answer) => answer.status === 'rejected');
    const last = this.#lastOf(name);
    for (const [i, answer] of asked.entries())
      if (answer.status === 'fulfilled') last.set(this.#types[i]!, answer.value);
    const known = this.known(name);
    const none = asked.every(({ status }) => status === 'rejected') || known.addresses.length === 0;
    if (failed && none) throw failed.reason;
    return { ...known, ...(failed && { ttlMs: 0 }) };
  }

  /** What was known when the name could be asked for. */
  known(name: string): Addresses {
    const answers = [...this.#lastOf(name).values()];
    return { addresses: addressesIn(answers.flatMap(({ records }) => records)), ...leastTtl(answers) };
  }

  /** Those that a server has sent along, so that nobody needs to ask. */
  take(records: readonly DnsRecord[], name: string): Addresses | undefined {
    const own = records.filter((record) => record.name === canonical(name));
    const found = this.#types.map((type) => own.filter((record) => record.type === type));
    if (found.every((some) => some.length === 0)) return undefined;
    for (const [i, some] of found.entries())
      this.#lastOf(name).set(this.#types[i]!, { records: some, additional: [], ...leastTtl(some) });
    return this.known(name);
  }

  /** Forgets every other name. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#last.keys()) if (!names.has(name)) this.#last.delete(name);
  }

  #lastOf(name: string): Map<AddressType, Resolved> {
    let last = this.#last.get(name);
    if (!last) this.#last.set(name, (last = new Map()));
    return last;
  }
}

/** The shortest of the times for which answers stay true. */
export function leastTtl(answers: readonly { readonly ttlMs?: number }[]): { readonly ttlMs?: number } {
  const ttls = answers.flatMap(({ ttlMs }) => (ttlMs === undefined ? [] : [ttlMs]));
  return ttls.length > 0 ? { ttlMs: Math.min(...ttls) } : {};
}

function isLoopbackName(name: string): boolean {
  return /(^|\.)localhost\.?$/i.test(name);
}

function addressesIn(records: readonly DnsRecord[]): readonly string[] {
  return [
    ...new Set(records.flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [record.address] : []))),
  ];
}
