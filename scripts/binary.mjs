// Finds a program of the system, or installs it where that is possible without asking anybody.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The one command that installs Debian packages. */
export function installCommand(packages) {
  return `apt-get update && apt-get install -y ${packages}`;
}

/** Whether the packages are there now; asks nobody, so only root gets them, where there is apt-get. */
export function installPackages(what, packages) {
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return false;
  const command = installCommand(packages);
  console.log(`rookery: no ${what} found; installing it: ${command}`);
  const { status } = spawnSync('sh', ['-c', command], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return status === 0;
}

export function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => executable(join(folder, name))).find(Boolean);
}

export function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}
