// Finds a real ZooKeeper for the tests, or installs it where that is possible without asking anybody.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { executable, installCommand, installPackages, onPath } from './binary.mjs';

/** Where packages of systems put it: Debian's, and Homebrew's (as in testing/faults/zookeeper-server.ts). */
const PLACES = [
  '/usr/share/java/zookeeper.jar',
  '/opt/homebrew/opt/zookeeper/libexec/lib',
  '/usr/local/opt/zookeeper/libexec/lib',
];

/** Where ZooKeeper is: ZOOKEEPER_HOME, a package of the system, or freshly installed. Throws with the one command to type. */
export function findZooKeeper({ install = false } = {}) {
  const named = process.env.ZOOKEEPER_HOME;
  if (named && !existsSync(named)) throw new Error(`ZOOKEEPER_HOME is ${named}, which does not exist`);
  const found = named ?? PLACES.find((path) => existsSync(path));
  if (found && findJava()) return found;
  const packages = [!found && 'libzookeeper-java', !findJava() && 'default-jre-headless'].filter(Boolean).join(' ');
  if (install && installPackages('ZooKeeper', packages) && findJava()) {
    const installed = named ?? PLACES.find((path) => existsSync(path));
    if (installed) return installed;
  }
  throw new Error(
    `The tests need a real ZooKeeper (3.6 or newer) and Java. Install them with\n\n    sudo sh -c '${installCommand(packages)}'\n\n` +
      '(macOS: brew install zookeeper), or set ZOOKEEPER_HOME to the folder of a release and JAVA_HOME to that of Java.',
  );
}

function findJava() {
  const home = process.env.JAVA_HOME;
  return home ? executable(join(home, 'bin', 'java')) : onPath('java');
}
