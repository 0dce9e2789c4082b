// Finds a real DNS server for the tests, or installs it where that is possible without asking anybody.
import { executable, installCommand, installPackages, onPath } from './binary.mjs';

// The program alone: the package `dnsmasq` would run it as the DNS server of this machine.
const PACKAGE = 'dnsmasq-base';

/** Path of dnsmasq: DNSMASQ_BIN, PATH, where Debian has it, or freshly installed. Throws with the one command to type. */
export function findDnsmasq({ install = false } = {}) {
  const named = process.env.DNSMASQ_BIN;
  const found = named ? executable(named) : anywhere();
  if (found) return found;
  if (named) throw new Error(`DNSMASQ_BIN is ${named}, which cannot be run`);
  const installed = install && installPackages('dnsmasq', PACKAGE) && anywhere();
  if (installed) return installed;
  throw new Error(
    `The tests need a real DNS server, dnsmasq. Install it with\n\n    sudo sh -c '${installCommand(PACKAGE)}'\n\n` +
      '(macOS: brew install dnsmasq), or set DNSMASQ_BIN to it.',
  );
}

function anywhere() {
  return onPath('dnsmasq') ?? executable('/usr/sbin/dnsmasq') ?? executable('/usr/local/sbin/dnsmasq');
}
