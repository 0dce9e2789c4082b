import { readFile, stat } from 'node:fs/promises';
import type { EventSink } from '../../core/event.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { Time } from '../../core/time.js';
import { decodeEntry, malformed, MAX_ENTRY_BYTES, type LocalEntry } from './entry.js';
import { entryFile, listEntries } from './files.js';
import { livenessOf, type Liveness, type ProcessIdentity } from './process-identity.js';

/** Where the owner cannot be seen, it counts as dead when it has not touched its file for this long, ms. */
export const UNTOUCHED_MS = 10_000;

/** What is remembered of a file. */
interface FileMemory {
  /** Changes whenever the file may have changed. */
  signature: string;
  /** The last text, or what stands for one that is too large: a malformed one is reported once. */
  text: string;
  mtimeMs: number;
  /** When the modification time was last seen to change, ms of the clock. */
  touchedAt: number;
  /** The last good value. */
  entry: LocalEntry | undefined;
}

/** Reads the folder of a service, again and again; what did not change is not read twice. */
export class FolderReader {
  #files = new Map<string, FileMemory>();

  constructor(
    private readonly folder: string,
    private readonly service: string,
    private readonly here: ProcessIdentity,
    private readonly time: Time,
    private readonly emit: EventSink,
  ) {}

  /** The instances of live owners, oldest first. */
  async read(): Promise<ServiceInstance[]> {
    // A listing may miss a file that is being written at the moment: the known ones are looked at in any case.
    const ids = new Set([...(await listEntries(this.folder)), ...this.#files.keys()]);
    const read = await Promise.all([...ids].map(async (id) => [id, await this.#file(id)] as const));
    this.#files = new Map(read.filter((pair): pair is readonly [string, FileMemory] => pair[1] !== undefined));
    const processes = new Map<string, Liveness>();
    return [...this.#files.values()]
      .filter((file) => file.entry && this.#alive(file.entry, file, processes))
      .map((file) => file.entry!)
      .toSorted((a, b) => a.since - b.since || (a.instance.id < b.instance.id ? -1 : 1))
      .map(({ instance }) => instance);
  }

  /** Ids whose owners are surely dead. */
  async dead(): Promise<string[]> {
    await this.read();
    const dead = ({ entry }: FileMemory) => entry?.owner && livenessOf(entry.owner, this.here) === 'dead';
    return [...this.#files].filter(([, file]) => dead(file)).map(([id]) => id);
  }

  async #file(id: string): Promise<FileMemory | undefined> {
    const path = entryFile(this.folder, id);
    const stats = await stat(path).catch(() => undefined);
    // Anything but a file, such as a pipe, would never end.
    if (!stats?.isFile()) return undefined;
    const signature = `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
    const before = this.#files.get(id);
    if (before?.signature === signature) return before;
    const tooLarge = stats.size > MAX_ENTRY_BYTES;
    const text = tooLarge ? signature : await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return before;
    const touchedAt = before?.mtimeMs === stats.mtimeMs ? before.touchedAt : this.#touchedAt(stats.mtimeMs, before);
    const known = this.#files.get(id) ?? before;
    const entry = known?.text === text ? known.entry : (this.#decode(id, path, text, tooLarge) ?? known?.entry);
    const file = { signature, text, mtimeMs: stats.mtimeMs, touchedAt, entry };
    this.#files.set(id, file);
    return file;
  }

  /** At first sight the clock of the wall decides; after that any change does, whatever another machine's clock says. */
  #touchedAt(mtimeMs: number, before: FileMemory | undefined): number {
    return before ? this.time.now() : this.time.now() - Math.max(0, Date.now() - mtimeMs);
  }

  #decode(id: string, path: string, text: string, tooLarge: boolean): LocalEntry | undefined {
    try {
      if (tooLarge) throw malformed(path, `found more than ${MAX_ENTRY_BYTES} bytes.`);
      return decodeEntry(text, this.service, id, path);
    } catch (error) {
      this.emit({ type: 'entry.malformed', place: path, error: error as Error });
      return undefined;
    }
  }

  #alive({ owner }: LocalEntry, { touchedAt }: FileMemory, processes: Map<string, Liveness>): boolean {
    const key = JSON.stringify(owner);
    const liveness = processes.get(key) ?? (owner ? livenessOf(owner, this.here) : 'unknown');
    processes.set(key, liveness);
    return liveness === 'alive' || (liveness === 'unknown' && this.time.now() - touchedAt < UNTOUCHED_MS);
  }
}
