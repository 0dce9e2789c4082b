import { describe, expect, it } from 'vitest';
import type { CallRecorded, EndRecorded, History, InstanceStep } from './history.js';
import { createRecorder } from './recorder.js';
import { validate } from './validate.js';

const call = (startedAt: number, endedAt: number, more: Partial<CallRecorded> = {}): CallRecorded => ({
  service: 's',
  startedAt,
  endedAt,
  ...more,
});

/** `a started 0` and the like. */
function history(calls: readonly CallRecorded[], steps: readonly string[] = [], end?: Partial<EndRecorded>): History {
  const instances = steps.map((step) => {
    const [id, what, at] = step.split(' ');
    return { service: 's', id: id!, step: what as InstanceStep, at: Number(at) };
  });
  const ends = end ? [{ service: 's', running: [], registered: [], views: {}, ...end }] : [];
  return { calls, instances, ends };
}

const rules = (...args: Parameters<typeof history>) => validate(history(...args)).map(({ rule }) => rule);
const fine = [call(5000, 5010, { instance: 'a' })];
const failed = (startedAt: number, endedAt: number, instance?: string) =>
  call(startedAt, endedAt, { instance, error: 'UNAVAILABLE' });

describe('a history', () => {
  it('without calls proves nothing', () => {
    expect(rules([])).toEqual(['nothing-happened']);
  });

  it('in which all is well has no violations', () => {
    expect(rules(fine, ['a started 0'], { running: ['a'], registered: ['a'], views: { c: ['a'] } })).toEqual([]);
  });

  it.each([
    ['with somebody there', ['a started 0'], failed(5000, 5010), true],
    ['with somebody there, whose entry is lost', ['a started 0', 'a lost 10'], failed(5000, 5010), true],
    ['with somebody there, who was asked', ['a started 0'], failed(5000, 5010, 'a'), true],
    ['with nobody there', ['a started 0', 'a leaving 4000'], failed(5000, 5010), false],
    ['while somebody has only just come', ['a started 4500'], failed(5000, 5010), false],
    ['while the only one breaks', ['a started 0', 'a broken 5005'], failed(5000, 5010), false],
    [
      'on the one that breaks under it',
      ['a started 0', 'b started 0', 'b broken 5005'],
      failed(5000, 5010, 'b'),
      false,
    ],
    ['on one that was broken before', ['a started 0', 'b started 0', 'b broken 4000'], failed(5000, 5010, 'b'), false],
    [
      'on one that was broken long before',
      ['a started 0', 'b started 0', 'b broken 1900'],
      failed(5000, 5010, 'b'),
      true,
    ],
    [
      'on one that stands, while another breaks',
      ['a started 0', 'b started 0', 'b broken 5005'],
      failed(5000, 5010, 'a'),
      true,
    ],
    [
      'after the one that broke was mended',
      ['a started 0', 'a broken 100', 'a mended 200'],
      failed(5000, 5010, 'a'),
      true,
    ],
  ] as const)('a call fails %s', (_, steps, failure, isViolation) => {
    expect(rules([failure], steps)).toEqual(isViolation ? ['call-failed'] : []);
  });

  it.each([
    [1500, []],
    [2100, ['call-after-leave']],
  ])('a call starts %i ms after 0 at one that left at 1000 ms', (at, violations) => {
    expect(rules([call(at, at + 1, { instance: 'a' })], ['a started 0', 'a leaving 900', 'a left 1000'])).toEqual(
      violations,
    );
  });

  it.each([
    ['one that runs is not registered', { running: ['a', 'b'], registered: ['a'] }, ['registration-lost']],
    ['one that is registered does not run', { running: ['a'], registered: ['a', 'b'] }, ['registration-lost']],
    ['a view differs', { running: ['a'], registered: ['a'], views: { x: ['a'], y: [] } }, ['view-differs']],
    ['order is nothing', { running: ['a', 'b'], registered: ['b', 'a'], views: { x: ['a', 'b'] } }, []],
    [
      'a connection was opened again',
      { running: ['a'], registered: ['a'], connections: { a: 2 } },
      ['connections-churned'],
    ],
    ['two clients have one each', { running: ['a'], registered: ['a'], connections: { a: 2 }, clients: 2 }, []],
  ] as const)('at the end %s', (_, end, violations) => {
    expect(rules(fine, [], end)).toEqual(violations);
  });

  it.each([
    ['mended', ['a broken 10', 'a mended 20'], []],
    ['broken and not mended', ['a broken 10'], ['connections-churned']],
    ['lost', ['a lost 2000'], ['connections-churned']],
    ['lost before it can have been connected', ['a lost 900'], []],
    ['lost after its connection was broken', ['a broken 10', 'a lost 20'], []],
  ] as const)('in which an instance was %s may have two connections, or not', (_, steps, violations) => {
    const end = { running: ['a'], registered: ['a'], connections: { a: 2 } };
    expect(rules(fine, ['a started 0', ...steps], end)).toEqual(violations);
  });
});

describe('a recorder', () => {
  it('writes down who answered, who was asked, and when', async () => {
    let now = 0;
    const recorder = createRecorder(() => (now += 1));
    recorder.step('s', 'a', 'started');
    await recorder.call('s', () => Promise.resolve('a'));
    await recorder.call('s', () => Promise.reject(Object.assign(new Error('14 UNAVAILABLE'), { instance: 'a' })));
    expect(recorder.history).toEqual({
      instances: [{ service: 's', id: 'a', step: 'started', at: 1 }],
      calls: [
        { service: 's', startedAt: 2, endedAt: 3, instance: 'a' },
        { service: 's', startedAt: 4, endedAt: 5, instance: 'a', error: 'Error: 14 UNAVAILABLE' },
      ],
      ends: [],
    });
  });
});
