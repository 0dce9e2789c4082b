// Finds a real nats-server for the benches, or installs it where that is possible without asking anybody.
import { executable, installCommand, installPackages, onPath } from './binary.mjs';

/** Path of nats-server: NATS_SERVER_BIN, PATH, or freshly installed. Throws with the one command to type. */
export function findNats({ install = false } = {}) {
  const named = process.env.NATS_SERVER_BIN;
  const found = named ? executable(named) : onPath('nats-server');
  if (found) return found;
  if (named) throw new Error(`NATS_SERVER_BIN is ${named}, which cannot be run`);
  const installed = install && installPackages('nats-server', 'nats-server') && onPath('nats-server');
  if (installed) return installed;
  throw new Error(
    `The benches need a real nats-server. Install it with\n\n    sudo sh -c '${installCommand('nats-server')}'\n\n` +
      '(macOS: brew install nats-server), or set NATS_SERVER_BIN to it.',
  );
}
