import { rm, utimes } from 'node:fs/promises';
import { pause, type Time } from '../../core/time.js';
import { decodeEntry, encodeEntry, type LocalEntry } from './entry.js';
import { entryFile, forgetLeft, readEntry, retireEntry, sweepLitter, writeEntry } from './files.js';
import { makeFolder } from './folder.js';
import type { FolderReader } from './reader.js';

/** How often an owner touches its file, ms: readers that cannot see its process go by that. */
const TOUCH_MS = 2000;
/** How long the trace of an entry that left stays, ms: every watcher has polled many times by then. */
const LEFT_MS = 10_000;
/** A malformed file may be an edit that is being saved; it counts as malformed when it is the same after this, ms. */
const SAVING_MS = 50;

/** What stands where an owner wrote its entry. */
export type Found =
  | { readonly type: 'untouched' }
  | { readonly type: 'gone' }
  | { readonly type: 'malformed'; readonly error: unknown }
  | { readonly type: 'entry'; readonly entry: LocalEntry };

export interface ClaimFileOptions {
  readonly directory: string;
  readonly folder: string;
  readonly service: string;
  readonly id: string;
  readonly reader: FolderReader;
  readonly time: Time;
}

/** The file of one claim, as its owner reads and writes it. */
export class ClaimFile {
  /** What was written last. */
  written: LocalEntry | undefined;
  #text: string | undefined;
  #touchedAt = 0;

  constructor(private readonly options: ClaimFileOptions) {}

  /** Makes the folder, and clears away what the dead left behind. */
  async prepare(): Promise<void> {
    const { directory, folder, reader, id } = this.options;
    await makeFolder(directory, folder);
    // Only owners delete, but the dead cannot, and their files would stay for ever. Their process is gone for certain,
    // or the boot that it ran in: nobody comes back for the file.
    for (const dead of await reader.dead()) await rm(entryFile(folder, dead), { force: true });
    await sweepLitter(folder);
    await forgetLeft(folder, id);
  }

  /** Writes the entry, unless it is what was written last. */
  async write(entry: LocalEntry, force = false): Promise<void> {
    const { directory, folder, id, time } = this.options;
    const text = encodeEntry(entry);
    if (text === this.#text && !force) return;
    await makeFolder(directory, folder);
    await writeEntry(folder, id, text);
    this.written = entry;
    this.#text = text;
    this.#touchedAt = time.now();
  }

  async read(): Promise<Found> {
    const { folder, service, id, time } = this.options;
    const text = await readEntry(folder, id);
    if (text === undefined) return { type: 'gone' };
    if (text === this.#text) return { type: 'untouched' };
    try {
      return { type: 'entry', entry: decodeEntry(text, service, id, entryFile(folder, id)) };
    } catch (error) {
      await pause(time, SAVING_MS, new AbortController().signal);
      return text === (await readEntry(folder, id)) ? { type: 'malformed', error } : this.read();
    }
  }

  /** Shows that the owner lives, by the time of the file and never by its content. */
  async touch(): Promise<void> {
    const { folder, id, time } = this.options;
    if (time.now() - this.#touchedAt < TOUCH_MS) return;
    const now = new Date();
    await utimes(entryFile(folder, id), now, now);
    this.#touchedAt = time.now();
  }

  /** Says that the entry drains, then takes it away. */
  async retire(entry: LocalEntry): Promise<void> {
    const { folder, id, time } = this.options;
    await this.write({ ...entry, instance: { ...entry.instance, status: 'draining' } }, true);
    await retireEntry(folder, id);
    time.after(LEFT_MS, () => void forgetLeft(folder, id).catch(() => undefined));
  }
}
