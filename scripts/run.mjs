import { spawnSync } from 'node:child_process';

/** Runs a command in the foreground; ends this process with its exit code when it fails. */
export function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** npm, as the one that started us where there is one. */
export function runNpm(...args) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) run(process.execPath, cli, ...args);
  else run('npm', ...args);
}
