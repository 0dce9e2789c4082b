import { readFileSync, readlinkSync } from 'node:fs';

/** Which process wrote an entry, so that others can tell whether it lives; a text is empty where it is not known. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in clock ticks since the boot: a pid alone is soon somebody else's. */
  readonly start: string;
  /** The boot of the kernel that it runs on. */
  readonly boot: string;
  /** What its pid counts in: containers on one kernel have one each. */
  readonly pidNamespace: string;
  readonly machine: string;
}

/** `unknown` where the process cannot be seen from here, as on another machine or in another container. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** Who this process is. Linux tells all of it; elsewhere most is empty, and liveness is `unknown`. */
export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    start: startOf(process.pid) ?? '',
    boot: quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: quietly(() => readlinkSync('/proc/self/ns/pid')),
    machine: quietly(() => readFileSync('/etc/machine-id', 'utf8').trim()),
  };
}

/**
 * Whether the process lives, seen from `here`. A process that is stopped, by a debugger or SIGSTOP, is alive. An
 * earlier boot of this machine is dead; any other boot may be another machine that shares the folder.
 */
export function livenessOf(owner: ProcessIdentity, here: ProcessIdentity): Liveness {
  if (owner.boot === '' || here.boot === '') return 'unknown';
  if (owner.boot !== here.boot) return owner.machine !== '' && owner.machine === here.machine ? 'dead' : 'unknown';
  if (owner.pidNamespace === '' || owner.pidNamespace !== here.pidNamespace || owner.start === '') return 'unknown';
  try {
    return startOf(owner.pid) === owner.start ? 'alive' : 'dead';
  } catch {
    return 'unknown';
  }
}

/** The start time of a process; nothing where it is gone or a zombie. Throws where it cannot be read. */
export function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // ESRCH: it went away between the opening of the file and the reading.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  // The second field is the command in parentheses, which may hold spaces and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function quietly(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
