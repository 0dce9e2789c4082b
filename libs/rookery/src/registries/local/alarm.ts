import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Time } from '../../core/time.js';

/** Whether what a folder tells of one of its files, by name where that is known, may matter. */
export type Concern = (event: string, name: string | null) => boolean;

// Owners touch their files every two seconds; entries come, go and change by renaming. An edit in place is left to the
// poll.
const ofEntries: Concern = (event, name) => event === 'rename' && !name?.endsWith('.tmp');

/**
 * Rings when the folder may have changed: at once where the system tells, and in any case every `pollMs`. Never holds
 * the process.
 */
export class FolderAlarm implements Disposable {
  #watcher: FSWatcher | undefined;
  #armedFor: string | undefined;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(
    private readonly folder: string,
    private readonly time: Time,
    private readonly pollMs: number,
    private readonly concerns: Concern = ofEntries,
  ) {}

  /** Follows the folder that stands there now, since it may have been made anew; false where there is none. */
  async arm(): Promise<boolean> {
    const stats = await stat(this.folder).catch(ifAbsent);
    const identity = stats && `${stats.ino} ${stats.birthtimeMs}`;
    if (identity !== this.#armedFor) this.#follow(identity);
    return stats !== undefined;
  }
  /** The next ring, or the one that came since the last. */
  async next(): Promise<void> {
    if (!this.#rung) {
      const timer = this.time.after(this.pollMs, () => this.ring());
      await new Promise<void>((resolve) => (this.#wake = resolve));
      timer[Symbol.dispose]();
    }
    this.#rung = false;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.ring();
  }

  #follow(identity: string | undefined): void {
    this.#armedFor = identity;
    this.#watcher?.close();
    this.#watcher = undefined;
    if (identity === undefined) return;
    try {
      const watcher = watch(this.folder, { persistent: false }, (event, name) => this.#heard(event, name));
      this.#watcher = watcher.on('error', () => watcher.close());
    } catch {
      // Not every file system can tell, and the number of watches is limited: the poll is enough.
    }
  }

  #heard(event: string, name: string | null): void {
    if (!this.concerns(event, name)) return;
    if (name === basename(this.folder)) this.#armedFor = undefined;
    this.ring();
  }
}

function ifAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
