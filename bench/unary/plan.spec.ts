import { describe, expect, it } from 'vitest';
import { readPlan } from './plan.js';
import { STOCK, SUBJECTS } from './subjects.js';

describe('the plan of the unary bench', () => {
  it('measures all of one instance, and of many only what shows the difference', () => {
    const { cells, subjects, offered, inFlight } = readPlan({});
    const of = (instances: number) =>
      cells
        .filter((cell) => cell.instances === instances)
        .map(({ payload, concurrency }) => `${payload} ${concurrency}`);
    expect(of(1)).toHaveLength(16);
    expect([of(4), of(32)]).toEqual([
      ['16B 64', '16B 512'],
      ['16B 64', '16B 512'],
    ]);
    expect(cells).toHaveLength(20);
    expect(subjects).toEqual(SUBJECTS);
    expect(subjects.map(({ name }) => name)).toContain(STOCK);
    expect(offered).toEqual([5000, 20_000, 80_000]);
    expect(inFlight).toBe(10_000);
  });

  it('measures what is named, however many instances there are', () => {
    const { cells } = readPlan({ instances: '4', payload: '16KiB', concurrency: '1,3' });
    expect(cells).toEqual([
      { instances: 4, payload: '16KiB', concurrency: 1 },
      { instances: 4, payload: '16KiB', concurrency: 3 },
    ]);
  });

  it('takes subjects and modes by their names, in the order of the table', () => {
    const plan = readPlan({ subjects: 'rookery, grpc-js round_robin', mode: 'open', rounds: '2', ms: '70' });
    expect(plan.subjects.map(({ name }) => name)).toEqual(['grpc-js round_robin', 'rookery']);
    expect(plan).toMatchObject({ cells: [], inFlight: 0, rounds: 2, ms: 70 });
    expect(plan.offered).not.toEqual([]);
  });

  it.each([
    [{ subjects: 'nest,express' }, /--subjects takes grpc-js, .*, not express\./],
    [{ mode: 'ajar' }, /--mode takes closed, open, memory, not ajar\./],
    [{ payload: '17B' }, /--payload takes 16B, .*, not 17B\./],
    [{ concurrency: '1,0' }, '--concurrency takes whole numbers above 0, not 0.'],
    [{ rounds: '' }, '--rounds takes whole numbers above 0, not .'],
    [{ ms: '1.5' }, '--ms takes whole numbers above 0, not 1.5.'],
    [{ instances: '-1' }, '--instances takes whole numbers above 0, not -1.'],
  ])('refuses %j', (flags, message) => {
    expect(() => readPlan(flags)).toThrow(message);
  });
});
