import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';

/** Where and of what a figure was measured. */
export interface Setting {
  readonly machine: string;
  /** Absent where this is no clone. */
  readonly commit?: string;
}

export function readSetting(): Setting {
  const processors = cpus();
  const machine = `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, Node ${process.version}, ${process.platform}`;
  return { machine, ...readCommit() };
}

/** With `-dirty` behind it where the sources differ; what a bench itself writes does not count. */
function readCommit(): { commit?: string } {
  try {
    const changed = git(
      '--no-optional-locks',
      'status',
      '--porcelain',
      '--untracked-files=no',
      '--',
      '.',
      ':!bench/results',
    );
    return { commit: git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : '-dirty') };
  } catch {
    return {};
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
