import { describe, expect, it, vi } from 'vitest';
import { fillUnpipedParams } from './unpiped-params.js';

const param = (index: number, extractValue: (...args: unknown[]) => unknown, pipes: unknown[] = []) => ({
  index,
  extractValue,
  pipes,
});

function stage() {
  const nests = vi.fn(() => 'nests' as never);
  const creator = { createPipesFn: nests as (pipes: unknown[], params: ReturnType<typeof param>[]) => never };
  fillUnpipedParams(creator as never);
  return { creator, nests };
}

describe('parameters without pipes', () => {
  it('are filled in at once, each in its place', () => {
    const { creator, nests } = stage();
    const fill = creator.createPipesFn([], [param(1, (_, b) => b), param(0, (a) => a)]) as Function;
    const values: unknown[] = [];
    expect(fill(values, 'request', 'metadata')).toBeUndefined();
    expect(values).toEqual(['request', 'metadata']);
    expect(nests).not.toHaveBeenCalled();
  });

  it('are awaited where they are promises, and fail as these do', async () => {
    const { creator } = stage();
    const values: unknown[] = [];
    const fill = creator.createPipesFn([], [param(0, (a) => a), param(1, () => Promise.resolve('late'))]) as Function;
    await fill(values, 'now');
    expect(values).toEqual(['now', 'late']);
    const failing = creator.createPipesFn([], [param(0, () => Promise.reject(new Error('no user')))]) as Function;
    await expect(failing([])).rejects.toThrow('no user');
  });

  it.each<[string, unknown[], ReturnType<typeof param>[]]>([
    ['there is a pipe for all', [{}], [param(0, () => 1)]],
    ['there is a pipe for one', [], [param(0, () => 1), param(1, () => 2, [{}])]],
    ['there are none', [], []],
  ])('are left to Nest where %s', (_, pipes, params) => {
    const { creator, nests } = stage();
    expect(creator.createPipesFn(pipes, params)).toBe('nests');
    expect(nests).toHaveBeenCalledWith(pipes, params);
  });

  it('are seen to once, however often it is asked for, and not at all where Nest is another', () => {
    const { creator } = stage();
    const own = creator.createPipesFn;
    fillUnpipedParams(creator as never);
    expect(creator.createPipesFn).toBe(own);
    const other = {};
    fillUnpipedParams(other as never);
    expect(other).toEqual({});
  });
});
