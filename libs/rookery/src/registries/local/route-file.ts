import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RookeryError } from '../../core/errors.js';
import type { EventSink } from '../../core/event.js';
import { parseRoute, type GroupRoute } from '../../core/route.js';
import { makeFolder } from './folder.js';

/** Beside the entries of a service, which all end with `.json`. */
const NAME = 'route';
/** No route is as long, bytes. */
const MAX_BYTES = 65_536;

/** The file with the route of a service; operators may write it, too. */
export function routeFile(folder: string): string {
  return join(folder, NAME);
}

/** Reads the route of a service, again and again; a file that did not change is not read twice. */
export class RouteReader {
  readonly #path: string;
  #signature: string | undefined;
  #route: GroupRoute | undefined;

  constructor(
    folder: string,
    private readonly emit: EventSink,
  ) {
    this.#path = routeFile(folder);
  }

  async read(): Promise<GroupRoute | undefined> {
    const stats = await stat(this.#path).catch(() => undefined);
    // Anything but a file, such as a pipe, would never end.
    const signature = stats?.isFile() ? `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}` : undefined;
    if (signature === this.#signature) return this.#route;
    if (signature === undefined) this.#route = undefined;
    else {
      const text = await this.#text(stats!.size);
      // It was removed meanwhile, or cannot be read now: it is looked at again.
      if (text === undefined) return this.#route;
      this.#route = this.#parse(text) ?? this.#route;
    }
    this.#signature = signature;
    return this.#route;
  }

  async #text(size: number): Promise<string | undefined> {
    return size > MAX_BYTES ? `${size} bytes` : readFile(this.#path, 'utf8').catch(() => undefined);
  }

  #parse(text: string): GroupRoute | undefined {
    try {
      return parseRoute(text, this.#path);
    } catch (error) {
      this.emit({ type: 'entry.malformed', place: this.#path, error: error as Error });
      return undefined;
    }
  }
}

/**
 * Writes the route of a service, whole or not at all, or takes it away.
 * @throws {RookeryError} ROOKERY_REGISTRY_INSECURE, ROOKERY_REGISTRY_REFUSED, ROOKERY_REGISTRY_UNREACHABLE
 */
export async function writeRoute(directory: string, folder: string, route: GroupRoute | undefined): Promise<void> {
  const path = routeFile(folder);
  try {
    if (!route) return await rm(path, { force: true });
    await makeFolder(directory, folder);
    await replace(folder, path, `${JSON.stringify(route)}\n`);
  } catch (error) {
    throw error instanceof RookeryError ? error : notWritten(path, error as NodeJS.ErrnoException);
  }
}

async function replace(folder: string, path: string, text: string): Promise<void> {
  const temporary = join(folder, `.${NAME}-${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeFile(temporary, text, { flag: 'wx', mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

function notWritten(path: string, cause: NodeJS.ErrnoException): RookeryError {
  const refused = ['EACCES', 'EPERM', 'EROFS'].includes(cause.code ?? '');
  return new RookeryError(refused ? 'ROOKERY_REGISTRY_REFUSED' : 'ROOKERY_REGISTRY_UNREACHABLE', {
    path,
    found: `the route was not written: ${cause.message}.`,
    remedy: `${refused ? 'Let this user write there' : 'See what the file system says'}, and set it again.`,
    cause,
  });
}
