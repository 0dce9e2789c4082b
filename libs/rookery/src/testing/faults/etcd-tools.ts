import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What a program is told: texts are its arguments, an `{ input }` is what it reads. */
export type ToolArg = string | { readonly input: string };

type Environment = Readonly<Record<string, string | undefined>>;

const execute = promisify(execFile);

/** The server: the program that `ETCD_BIN` names, else `etcd` on the PATH. */
export function etcdProgram(): string {
  return process.env['ETCD_BIN'] ?? 'etcd';
}

/** What `etcdctl` printed: the program that `ETCDCTL_BIN` names, else `etcdctl` on the PATH; rejects where it failed. */
export async function runEtcdctl(args: readonly ToolArg[], env: Environment): Promise<string> {
  const texts = args.filter((arg) => typeof arg === 'string');
  const running = execute(process.env['ETCDCTL_BIN'] ?? 'etcdctl', texts, {
    env: { ...environment(), ...env },
    maxBuffer: 1e8,
  });
  for (const arg of args) if (typeof arg !== 'string') running.child.stdin?.end(arg.input);
  return (await running).stdout.trim();
}

/**
 * Makes a folder of data of what `etcdctl snapshot save` wrote, with `etcdutl`: the program that `ETCDUTL_BIN` names,
 * else `etcdutl` on the PATH. etcd 3.4 has none: there it is `etcdctl` that restores.
 * @throws {Error} where neither of them can
 */
export async function restoreSnapshot(file: string, folder: string, member: readonly string[]): Promise<void> {
  const args = ['snapshot', 'restore', file, '--data-dir', folder, ...member];
  try {
    await execute(process.env['ETCDUTL_BIN'] ?? 'etcdutl', args, { env: environment() });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || process.env['ETCDUTL_BIN'] !== undefined) throw error;
    await runEtcdctl(args, {});
  }
  // Since 3.6 etcdctl answers with its usage, and with success.
  if (!existsSync(join(folder, 'member')))
    throw new Error('etcdctl restores no snapshots since etcd 3.6: put etcdutl on the PATH, or set ETCDUTL_BIN');
}

/** Ours without what would configure etcd or its tools. */
export function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^ETCD(CTL|UTL)?_/.test(name)));
}
