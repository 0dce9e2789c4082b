import { defineService } from 'rookery';

export interface Entry {
  number: number;
}

/** Writes the number of a call down, and gives it back. */
export interface Ledger {
  enter(entry: Entry): Promise<Entry>;
}

export const LEDGERS = defineService<{ Ledger: Ledger }>({
  name: 'ledger',
  package: 'ledger',
  protoPath: 'test/apps/proto/ledger.proto',
});

/** Of a number in a ledger. */
export const ENTRY_BYTES = 4;
/** Stands in a ledger for each stream of HTTP/2 that its server has taken. */
export const STREAM = 0xffff_ffff;

/** `hasty`: with a deadline of moments; `revoked`: given up by its caller. */
export type CallKind = 'plain' | 'idempotent' | 'hasty' | 'revoked';

/** What a call is says its number: whoever checks it needs to keep nothing. */
export function kindOf(number: number): CallKind {
  // Numbers of one client are a few apart: mixed, or all of one kind might be one client's.
  const mixed = (Math.imul(number, 0x9e37_79b1) >>> 16) & 511;
  if (mixed < 128) return 'idempotent';
  if (mixed === 128) return 'hasty';
  return mixed === 129 ? 'revoked' : 'plain';
}

/** In the file of a client's outcomes, a byte for each call: it has not ended. */
export const OPEN = 0;
/** It ended with this code of gRPC, 0 for OK. */
export const ENDED = 1;
/** It was given the answer to another call. */
export const MIXED_UP = 255;

/** What a client process tells by IPC. */
export interface LedgerReport {
  /** Calls that were made. */
  readonly made: number;
  readonly ended: number;
  /** Of those whose end is none that their kind may have, the first. */
  readonly surprises: readonly string[];
  /** Its outcomes are on disk. */
  readonly done: boolean;
}
