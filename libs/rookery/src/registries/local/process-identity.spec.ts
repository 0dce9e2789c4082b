import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../testing/eventually.js';
import { livenessOf, ownIdentity, startOf } from './process-identity.js';

const children: ChildProcess[] = [];

async function childProcess(argv0 = 'node'): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); console.log("up")'], { argv0 });
  children.push(child);
  await once(child.stdout, 'data');
  return child as ChildProcess & { pid: number };
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe.runIf(process.platform === 'linux')('livenessOf', () => {
  const here = ownIdentity();

  it('knows this process, its boot and its namespace', () => {
    expect(here).toMatchObject({
      pid: process.pid,
      start: expect.stringMatching(/^\d+$/),
      pidNamespace: expect.stringMatching(/^pid:\[/),
    });
    expect(livenessOf(here, here)).toBe('alive');
  });

  it('sees a process die, and not while it is only stopped', async () => {
    const child = await childProcess();
    const owner = { ...here, pid: child.pid, start: startOf(child.pid)! };
    expect(livenessOf(owner, here)).toBe('alive');
    child.kill('SIGSTOP');
    expect(livenessOf(owner, here)).toBe('alive');
    child.kill('SIGKILL');
    await eventually(() => expect(livenessOf(owner, here)).toBe('dead'));
  });

  it('tells a process from an earlier one of the same pid', () => {
    expect(livenessOf({ ...here, start: '1' }, here)).toBe('dead');
  });

  it('knows nothing of another pid namespace, or another machine', () => {
    expect(livenessOf({ ...here, pidNamespace: 'pid:[1]' }, here)).toBe('unknown');
    expect(livenessOf({ ...here, boot: 'x', machine: 'other' }, here)).toBe('unknown');
    expect(livenessOf({ ...here, boot: 'x', machine: '' }, { ...here, machine: '' })).toBe('unknown');
    expect(livenessOf({ ...here, boot: '' }, { ...here, boot: '' })).toBe('unknown');
    expect(livenessOf({ ...here, start: '' }, here)).toBe('unknown');
  });

  it('counts an earlier boot of this machine as dead', () => {
    const machine = { ...here, machine: 'm' };
    expect(livenessOf({ ...machine, boot: 'earlier' }, machine)).toBe('dead');
  });
});
