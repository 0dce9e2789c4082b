import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { ENDED, ENTRY_BYTES, kindOf, MIXED_UP, OPEN, STREAM } from '../../apps/mux-ledger.js';

/** What clients were told against what servers have started. */
export interface Comparison {
  readonly calls: number;
  readonly ok: number;
  readonly failed: number;
  /** By gRPC's name. */
  readonly statuses: Readonly<Record<string, number>>;
  /** That a server has started more than once. */
  readonly idempotentTwice: number;
  /** Of calls that are not idempotent; all that follow are to be 0. */
  readonly startedTwice: number;
  /** Told OK, and in no ledger. */
  readonly neverStarted: number;
  readonly neverEnded: number;
  readonly mixedUp: number;
  readonly idempotentFailed: number;
  /** In a ledger, and nobody has made them. */
  readonly madeUp: number;
  /** Of HTTP/2, which servers have taken. */
  readonly streams: number;
  /** Some of the calls that break a rule, in words. */
  readonly examples: readonly string[];
}

const MAX_EXAMPLES = 20;

interface Entries {
  /** How often each call was started, by its number, up to 255. */
  readonly started: Uint8Array;
  readonly madeUp: number;
  readonly streams: number;
}

/** @param outcomes of each client, whose n-th call is number `n * clients + client`, a byte for each call */
export async function compare(outcomes: readonly Uint8Array[], ledgers: readonly string[]): Promise<Comparison> {
  const entries = await readLedgers(ledgers, outcomes);
  const count = { ok: 0, failed: 0, idempotentTwice: 0, startedTwice: 0, neverStarted: 0 };
  const faults = { neverEnded: 0, mixedUp: 0, idempotentFailed: 0 };
  const statuses: Record<string, number> = {};
  const examples: string[] = [];
  const note = (fault: string, number: number) => {
    if (examples.length < MAX_EXAMPLES) examples.push(`${fault}: ${kindOf(number)} call ${number}`);
  };
  let calls = 0;
  for (const [client, own] of outcomes.entries()) {
    calls += own.length;
    for (let n = 0; n < own.length; n += 1) {
      const number = n * outcomes.length + client;
      const outcome = own[n]!;
      const started = entries.started[number]!;
      const idempotent = kindOf(number) === 'idempotent';
      if (started > 1) {
        count[idempotent ? 'idempotentTwice' : 'startedTwice'] += 1;
        if (!idempotent) note(`started ${started} times, told ${nameOf(outcome)}`, number);
      }
      if (outcome === ENDED) {
        count.ok += 1;
        if (started > 0) continue;
        count.neverStarted += 1;
        note('told OK, and never started', number);
      } else if (outcome === OPEN) {
        faults.neverEnded += 1;
        note(`never ended, started ${started} times`, number);
      } else if (outcome === MIXED_UP) {
        faults.mixedUp += 1;
        note("another call's answer", number);
      } else {
        count.failed += 1;
        const name = nameOf(outcome);
        statuses[name] = (statuses[name] ?? 0) + 1;
        if (!idempotent) continue;
        faults.idempotentFailed += 1;
        note(`${name}, started ${started} times`, number);
      }
    }
  }
  const { madeUp, streams } = entries;
  return { calls, ...count, ...faults, statuses, madeUp, streams, examples };
}

function nameOf(outcome: number): string {
  return outcome === OPEN ? 'nothing' : (status[outcome - ENDED] ?? `${outcome - ENDED}`);
}

/** One after the other: a ledger is as long as its server was busy. */
async function readLedgers(ledgers: readonly string[], outcomes: readonly Uint8Array[]): Promise<Entries> {
  const clients = outcomes.length;
  const started = new Uint8Array(clients * Math.max(...outcomes.map(({ length }) => length)));
  let madeUp = 0;
  let streams = 0;
  for (const path of ledgers) {
    const bytes = await readFile(path);
    // Who is killed while it writes may leave half a number.
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      const number = bytes.readUInt32LE(at);
      if (number === STREAM) streams += 1;
      else if (number >= started.length || Math.floor(number / clients) >= outcomes[number % clients]!.length)
        madeUp += 1;
      else if (started[number]! < 255) started[number]! += 1;
    }
  }
  return { started, madeUp, streams };
}
