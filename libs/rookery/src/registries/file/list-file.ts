import { readFile, stat } from 'node:fs/promises';
import { messageOf, RookeryError } from '../../core/errors.js';
import { MAX_LIST_BYTES, tooLarge } from '../service-list.js';

/** The clock of a file system is this coarse at the worst, ms: two writes in one step of it look like one. */
const COARSE_MS = 2000;

/** A file that is read again and again, but only where it may have changed. */
export class ListFile {
  #signature: string | undefined;
  #text: string | undefined;

  /** @param place what it is called in errors */
  constructor(
    private readonly path: string,
    private readonly place: string,
  ) {}

  /**
   * The text; `undefined` where it is the one that was returned before.
   * @throws {RookeryError} ROOKERY_REGISTRY_UNREACHABLE, ROOKERY_ENTRY_MALFORMED where it is too large
   */
  async read(): Promise<string | undefined> {
    try {
      const stats = await stat(this.path);
      // Anything but a file, such as a pipe, would never end.
      if (!stats.isFile()) throw unreadable(this.place, 'it is no file.', 'Name a file.');
      if (stats.size > MAX_LIST_BYTES) throw tooLarge(this.place, stats.size);
      const signature = `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
      if (signature === this.#signature) return undefined;
      const text = await readFile(this.path, 'utf8');
      this.#signature = Math.abs(Date.now() - stats.mtimeMs) < COARSE_MS ? undefined : signature;
      if (text === this.#text) return undefined;
      return (this.#text = text);
    } catch (error) {
      // What is there when it can be read again is read in any case.
      this.#signature = this.#text = undefined;
      if (error instanceof RookeryError) throw error;
      throw unreadable(this.place, ...reasonOf(error as NodeJS.ErrnoException), error);
    }
  }
}

function reasonOf(error: NodeJS.ErrnoException): [string, string] {
  if (error.code === 'ENOENT')
    return ['there is no such file.', 'Write it, or correct the path; it is looked for again.'];
  return [`it cannot be read: ${messageOf(error)}.`, 'Let this process read it; it is tried again.'];
}

function unreadable(path: string, found: string, remedy: string, cause?: unknown): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_UNREACHABLE', {
    path,
    found,
    remedy,
    ...(cause !== undefined && { cause }),
  });
}
