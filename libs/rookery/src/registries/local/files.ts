import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeName, encodeName } from './folder.js';

const ENTRY = '.json';
const LEFT = '.left';
const TEMPORARY = '.tmp';

/** An unfinished write, or the trace of an entry that left, is litter after this long, ms. */
const LITTER_MS = 10_000;

/** The file of an entry. */
export function entryFile(folder: string, id: string): string {
  return join(folder, `${encodeName(id)}${ENTRY}`);
}

/** The ids of the entries in a folder. */
export async function listEntries(folder: string): Promise<string[]> {
  // It may be removed at any time: then it holds nothing.
  const names = await readdir(folder).catch(ifAbsent);
  return names
    .filter((name) => name.endsWith(ENTRY) && !name.startsWith('.'))
    .map((name) => decodeName(name.slice(0, -ENTRY.length)))
    .filter((id) => id !== undefined);
}

/** Whether the owner of an entry took it away, not long ago. */
export async function hasLeft(folder: string, id: string): Promise<boolean> {
  return stat(leftFile(folder, id)).then(
    () => true,
    () => false,
  );
}

/** Writes a file whole or not at all: readers never meet half of one. */
export async function writeEntry(folder: string, id: string, text: string): Promise<void> {
  const temporary = join(folder, `.${encodeName(id).slice(0, 100)}-${randomBytes(6).toString('hex')}${TEMPORARY}`);
  try {
    await writeFile(temporary, text, { flag: 'wx', mode: 0o600 });
    await rename(temporary, entryFile(folder, id));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** The text of an entry; nothing where there is no such file. */
export async function readEntry(folder: string, id: string): Promise<string | undefined> {
  try {
    return await readFile(entryFile(folder, id), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Takes an entry away and leaves a trace, by which watchers that were not looking tell that its owner did so: a file
 * that is merely gone may have been removed by anybody, and its owner puts it back.
 */
export async function retireEntry(folder: string, id: string): Promise<void> {
  await rename(entryFile(folder, id), leftFile(folder, id));
}

/** Removes the trace of an entry that left. */
export async function forgetLeft(folder: string, id: string): Promise<void> {
  await rm(leftFile(folder, id), { force: true });
}

/** Removes what no process will come back for. */
export async function sweepLitter(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(ifAbsent)) {
    if (!name.endsWith(LEFT) && !(name.startsWith('.') && name.endsWith(TEMPORARY))) continue;
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > LITTER_MS) await rm(join(folder, name), { force: true });
  }
}

function leftFile(folder: string, id: string): string {
  return join(folder, `${encodeName(id)}${LEFT}`);
}

function ifAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
