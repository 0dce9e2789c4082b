import { afterEach, describe, expect, it, vi } from 'vitest';
import { endBy, expectOwnSignal, onEndSignal } from './signals.js';

const nobody = () => {};
afterEach(() => void process.off('SIGTERM', nobody));

describe('onEndSignal', () => {
  it('leaves a signal alone that nobody handles: it ends the process', () => {
    const before = process.listenerCount('SIGINT');
    using _ = onEndSignal(() => {});
    expect(process.listenerCount('SIGINT')).toBe(before === 0 ? 0 : before + 1);
  });

  it('hears one that somebody handles, with one listener however many ask', () => {
    process.on('SIGTERM', nobody);
    const before = process.listenerCount('SIGTERM');
    const heard: string[] = [];
    const first = onEndSignal((signal) => heard.push(`first ${signal}`));
    const second = onEndSignal((signal) => heard.push(`second ${signal}`));
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    process.emit('SIGTERM', 'SIGTERM');
    first[Symbol.dispose]();
    process.emit('SIGTERM', 'SIGTERM');
    expect(heard).toEqual(['first SIGTERM', 'second SIGTERM', 'second SIGTERM']);
    second[Symbol.dispose]();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  it('hears one that somebody handles only later, and leaves nothing behind', () => {
    const before = [process.listenerCount('SIGTERM'), process.listenerCount('newListener')];
    const heard: string[] = [];
    const hearing = onEndSignal((signal) => heard.push(signal));
    process.on('SIGTERM', nobody);
    process.emit('SIGTERM', 'SIGTERM');
    expect(heard).toEqual(['SIGTERM']);
    hearing[Symbol.dispose]();
    process.off('SIGTERM', nobody);
    expect([process.listenerCount('SIGTERM'), process.listenerCount('newListener')]).toEqual(before);
  });

  it('passes over one that the process raises itself, once for each', () => {
    process.on('SIGTERM', nobody);
    const heard: string[] = [];
    using _ = onEndSignal((signal) => heard.push(signal));
    for (const signal of ['SIGTERM', 'SIGUSR2']) expectOwnSignal(signal);
    process.emit('SIGTERM', 'SIGTERM');
    expect(heard).toEqual([]);
    process.emit('SIGTERM', 'SIGTERM');
    expect(heard).toEqual(['SIGTERM']);
  });
});

describe('endBy', () => {
  it('exits where the process is the first of a container, which no signal ends', () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${code}`);
    });
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const pid = Object.getOwnPropertyDescriptor(process, 'pid')!;
    Object.defineProperty(process, 'pid', { ...pid, value: 1 });
    try {
      expect(() => endBy('SIGTERM')).toThrow('exit 143');
      expect(kill).not.toHaveBeenCalled();
    } finally {
      Object.defineProperty(process, 'pid', pid);
      exit.mockRestore();
      kill.mockRestore();
    }
  });
});
