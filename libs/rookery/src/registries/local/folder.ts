import { lstatSync, statSync, type Stats } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { RookeryError } from '../../core/errors.js';

/** Where the local registry lives when nobody says otherwise: `$XDG_RUNTIME_DIR/rookery`, else `~/.rookery`. */
export function defaultDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = env['XDG_RUNTIME_DIR'];
  // After `su`, and in many containers, the variable names a folder that is not there.
  if (runtime && statSync(runtime, { throwIfNoEntry: false })?.isDirectory()) return join(runtime, 'rookery');
  return join(homedir(), '.rookery');
}

/**
 * A name as part of a path. Everything but lower-case letters, digits, `_` and `-` is percent-encoded: upper case, since
 * some file systems ignore case; dots, since `..` and hidden files mean something else.
 */
export function encodeName(name: string): string {
  return name.replaceAll(/[^a-z0-9_-]/g, (char) =>
    [...new TextEncoder().encode(char)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

/** The name that was encoded; nothing where it is no encoded name. */
export function decodeName(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Makes the folder of a service below the registry's directory, both mode 0700.
 * @throws {RookeryError} ROOKERY_REGISTRY_INSECURE
 */
export async function makeFolder(directory: string, folder: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  checkDirectory(directory);
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/**
 * Whoever can write the registry can redirect calls, so its directory must be ours alone. That others may read it is
 * harmless, and usual for a mounted volume. Without effect where the directory does not exist.
 * @throws {RookeryError} ROOKERY_REGISTRY_INSECURE
 */
export function checkDirectory(directory: string): void {
  const fault = faultOfDirectory(directory);
  if (!fault) return;
  throw new RookeryError('ROOKERY_REGISTRY_INSECURE', {
    path: directory,
    found: `found ${fault}.`,
    remedy: `Make it yours alone (chown ${process.getuid?.()} and chmod 700), or name another with local({ directory }).`,
  });
}

/** What keeps a directory from being ours alone to write; nothing where it does not exist. */
export function faultOfDirectory(directory: string): string | undefined {
  const link = lstatSync(directory, { throwIfNoEntry: false });
  const target = statSync(directory, { throwIfNoEntry: false });
  const uid = process.getuid?.();
  return link && target && uid !== undefined ? faultOf(link, target, uid) : undefined;
}

function faultOf(link: Stats, target: Stats, uid: number): string | undefined {
  if (!target.isDirectory()) return 'a file where the directory should be';
  if (link.uid !== uid || target.uid !== uid)
    return `a directory of user ${target.uid}, while this process is user ${uid}`;
  return target.mode & 0o022
    ? `a directory that others can write (mode ${(target.mode & 0o777).toString(8)})`
    : undefined;
}
