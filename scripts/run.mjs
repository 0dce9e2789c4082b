import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Runs a command in the foreground; ends this process with its exit code when it fails. */
export function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs commands beside each other; ends this process with an exit code of theirs when one fails, once all have ended. */
export async function runTogether(...commands) {
  const running = commands.map(async ([command, ...args]) => {
    const [status] = await once(spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit');
    return status ?? 1;
  });
  const failed = (await Promise.all(running)).find((status) => status !== 0);
  if (failed !== undefined) process.exit(failed);
}

/** npm, as the one that started us where there is one. */
export function runNpm(...args) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) run(process.execPath, cli, ...args);
  else run('npm', ...args);
}
