import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeName, faultOfDirectory } from '../registries/local/folder.js';
import { insecure } from './faults.js';

const ENTRY = '.jsonl';
const TEMPORARY = '.tmp';
/** There is no such file, nor a folder for it. */
const ABSENT = new Set<string | undefined>(['ENOENT', 'ENOTDIR']);
/** An unfinished write is litter after this long, ms. */
const LITTER_MS = 60_000;

/** The snapshots of one registry, in a folder of their own below the one that the user named. */
export class SnapshotFolder {
  readonly #folder: string;

  /** @param registry its URL without secrets; hashed, since it is no name of a file */
  constructor(
    private readonly dir: string,
    registry: string,
  ) {
    this.#folder = join(dir, createHash('sha256').update(registry).digest('hex').slice(0, 16));
  }

  path(service: string): string {
    return join(this.#folder, `${encodeName(service)}${ENTRY}`);
  }

  /**
   * The text of a file; nothing where there is none.
   * @throws {RookeryError} ROOKERY_SNAPSHOT_INSECURE; and whatever the file system says
   */
  async read(service: string): Promise<string | undefined> {
    try {
      const text = await readFile(this.path(service), 'utf8');
      this.#check();
      return text;
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code)) return undefined;
      throw error;
    }
  }

  /**
   * Writes a file whole or not at all, piece by piece as they are made: readers never meet half of one, whichever of the
   * processes wrote last.
   * @throws {RookeryError} ROOKERY_SNAPSHOT_INSECURE; and whatever the file system says
   */
  async write(service: string, pieces: Iterable<string>): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    this.#check();
    const path = this.path(service);
    const temporary = join(this.#folder, `.${randomBytes(8).toString('hex')}${TEMPORARY}`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        for (const piece of pieces) await file.appendFile(piece);
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Removes what processes have left that died while they wrote. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      if (!name.startsWith('.') || !name.endsWith(TEMPORARY)) continue;
      const path = join(this.#folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Date.now() - mtimeMs > LITTER_MS) await rm(path, { force: true }).catch(() => undefined);
    }
  }

  /** Who can write here decides where calls go. */
  #check(): void {
    for (const directory of [this.dir, this.#folder]) {
      const fault = faultOfDirectory(directory);
      if (fault) throw insecure(directory, `found ${fault}.`);
    }
  }
}
