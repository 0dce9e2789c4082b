import { beforeEach, describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';
import type { CallRecord, Outcome } from './call.js';
import { checkRetry } from './retry.js';

const FAILED: Outcome = { code: 14, processed: true, ms: 1 };
const REFUSED: Outcome = { code: 14, processed: false, ms: 1 };

let stage: BalancerStage;
beforeEach(() => {
  stage = new BalancerStage();
  stage.ready('', 'a', 'b', 'c', 'd');
});

/** One attempt that ends so; says whether there may be another. */
function attempt(call: CallRecord, outcome: Outcome): boolean {
  const id = stage.pick(call);
  stage.start(id, call);
  return stage.end(id, outcome, call);
}

/** Attempts of a call that always ends so, and where they went. */
function attempts(call: CallRecord, outcome: Outcome): string[] {
  const ids: string[] = [];
  for (let again = true; again && ids.length < 10;) {
    again = attempt(call, outcome);
    ids.push(call.instance!.id);
  }
  return ids;
}

describe('a call that may have been processed', () => {
  it('is not sent again', () => {
    expect(attempts(stage.call(), FAILED)).toHaveLength(1);
  });

  it('that is idempotent has three attempts, each elsewhere', () => {
    for (let i = 0; i < 10; i += 1) {
      const ids = attempts(stage.call({ idempotent: true }), FAILED);
      expect(ids).toHaveLength(3);
      expect(new Set(ids).size).toBe(3);
    }
  });

  it.each([0, 1, 2, 4, 5, 8, 13])('is not sent again for status %d, idempotent or not', (code) => {
    expect(attempts(stage.call({ idempotent: true }), { ...FAILED, code })).toHaveLength(1);
  });

  it('goes to nobody twice, even where nobody else is left', () => {
    for (const id of ['c', 'd']) stage.remove(id);
    const call = stage.call({ idempotent: true });
    expect(attempt(call, FAILED)).toBe(true);
    expect(attempt(call, FAILED)).toBe(true);
    expect(stage.pick(call)).toBe('ROOKERY_GROUP_MISSING');
  });

  it('may go to the same address once that is connected anew', () => {
    for (const id of ['c', 'd']) stage.remove(id);
    const call = stage.call({ idempotent: true });
    expect(attempt(call, FAILED)).toBe(true);
    const [first, other] = call.instance!.id === 'a' ? ['a', 'b'] : ['b', 'a'];
    stage.remove(other);
    expect(stage.pick(call)).toBe('ROOKERY_GROUP_MISSING');
    stage.report(first, 'connecting');
    stage.report(first, 'ready');
    expect(stage.pick(call)).toBe(first);
  });
});

describe('what would come to nothing', () => {
  it('is not sent again, and costs the budget nothing', () => {
    for (const id of ['b', 'c', 'd']) stage.remove(id);
    for (let i = 0; i < 200; i += 1) expect(attempts(stage.call({ idempotent: true }), FAILED)).toHaveLength(1);
    stage.ready('', 'b', 'c');
    expect(attempts(stage.call({ idempotent: true }), FAILED)).toHaveLength(3);
  });

  it('is not sent again where its group has nobody else', () => {
    stage.ready('A', 'alone');
    for (let i = 0; i < 200; i += 1)
      expect(attempts(stage.call({ idempotent: true, groups: ['A'] }), FAILED)).toHaveLength(1);
    expect(attempts(stage.call({ idempotent: true, groups: [''] }), FAILED)).toHaveLength(3);
  });

  it('is not sent again where the server has said so', () => {
    for (let i = 0; i < 200; i += 1)
      expect(attempts(stage.call({ idempotent: true }), { ...FAILED, pushedBack: true })).toHaveLength(1);
    expect(attempts(stage.call({ idempotent: true }), FAILED)).toHaveLength(3);
  });
});

it('a call that has ended is another one where somebody sends it anew', () => {
  const call = stage.call({ idempotent: true });
  expect(attempts(call, FAILED)).toHaveLength(3);
  expect(attempts(call, FAILED)).toHaveLength(3);
});

describe('a call that surely was not processed', () => {
  it('is sent again, elsewhere first, idempotent or not', () => {
    const ids = attempts(stage.call(), REFUSED);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(3);
  });

  it('is sent back where there is nobody else', () => {
    for (const id of ['b', 'c', 'd']) stage.remove(id);
    expect(attempts(stage.call(), REFUSED)).toEqual(['a', 'a', 'a']);
  });

  it('and then may have been is sent no more', () => {
    const call = stage.call();
    expect(attempt(call, REFUSED)).toBe(true);
    expect(attempt(call, FAILED)).toBe(false);
  });
});

describe('the budget', () => {
  it('holds attempts to a quarter more than the calls when everything fails', () => {
    let made = 0;
    for (let i = 0; i < 10_000; i += 1) {
      made += attempts(stage.call({ idempotent: true }), FAILED).length;
      stage.time.advance(1);
    }
    expect(made).toBeGreaterThan(12_000);
    expect(made).toBeLessThanOrEqual(12_500);
  });

  it('is spent by what was refused, too', () => {
    stage = new BalancerStage({ retry: { budget: { ratio: 0, perSecond: 0.1 } } });
    stage.ready('', 'a', 'b', 'c');
    expect(attempts(stage.call(), REFUSED)).toHaveLength(2);
    expect(attempts(stage.call(), REFUSED)).toHaveLength(1);
  });
});

it('does not send again what it was told not to', () => {
  stage = new BalancerStage({ retry: false });
  stage.ready('', 'a', 'b');
  expect(attempts(stage.call({ idempotent: true }), FAILED)).toHaveLength(1);
  expect(attempts(stage.call(), REFUSED)).toHaveLength(1);
});

it('leaves it to whoever makes the attempts where he decides for himself, and has them go elsewhere', () => {
  stage = new BalancerStage({ retry: 'own' });
  stage.ready('', 'a', 'b');
  const call = stage.call();
  expect(attempt(call, { ...FAILED, code: 8 })).toBe(true);
  const first = call.instance;
  expect(attempt(call, FAILED)).toBe(true);
  expect(call.instance).not.toBe(first);
  expect(attempt(call, { ...FAILED, code: 0 })).toBe(false);
});

describe('an option that is wrong', () => {
  it.each([
    ['always', 'retry', "'idempotent', false"],
    [null, 'retry', "'idempotent', false"],
    [{ attempts: 3 }, 'retry.attempts', 'maxAttempts'],
    [{ maxAttempts: 0 }, 'retry.maxAttempts', 'from 1 to 5'],
    [{ maxAttempts: 2.5 }, 'retry.maxAttempts', 'from 1 to 5'],
    [{ budget: { ratio: -1 } }, 'retry.budget.ratio', 'at least 0'],
    [{ budget: { ratio: 20 } }, 'retry.budget.ratio', '0.2 is 20 %'],
    [{ budget: { perSecond: '10' } }, 'retry.budget.perSecond', 'at least 0'],
    [{ budget: { rate: 1 } }, 'retry.budget.rate', 'ratio'],
  ])('%j', (retry, path, remedy) => {
    const check = () => checkRetry(retry, 'retry');
    expect(check).toThrow(expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path }));
    expect(check).toThrow(remedy);
  });

  it.each(['idempotent', false, {}, { maxAttempts: 5, budget: { ratio: 0, perSecond: 0 } }])('%j is not', (retry) => {
    expect(checkRetry(retry, 'retry')).toBe(retry);
  });
});
