import { openSync, writeSync } from 'node:fs';
import { ENTRY_BYTES } from './mux-ledger.js';

const BATCH = 16_384;

/** Numbers in a file; what it has written survives a SIGKILL, since the kernel has it. */
export class LedgerFile {
  readonly #file: number;
  readonly #batch = Buffer.allocUnsafe(BATCH * ENTRY_BYTES);
  #at = 0;
  #written: Promise<void> | undefined;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  /** Resolves once it is written, with all others of this turn. */
  enter(number: number): Promise<void> {
    if (this.#at === this.#batch.length) this.#write();
    this.#at = this.#batch.writeUInt32LE(number, this.#at);
    return (this.#written ??= new Promise((resolve) =>
      setImmediate(() => {
        this.#written = undefined;
        this.#write();
        resolve();
      }),
    ));
  }

  #write(): void {
    for (let from = 0; from < this.#at;) from += writeSync(this.#file, this.#batch, from, this.#at - from);
    this.#at = 0;
  }
}
