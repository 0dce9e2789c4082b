import { expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';

it('a split is exact for the calls that it is for, whatever calls go by their lanes meanwhile', () => {
  const stage = new BalancerStage();
  stage.ready('stable', 's');
  stage.ready('next', 'n');
  stage.ready('dev', 'd');
  stage.route({ type: 'split', shares: { stable: 50, next: 50 } });
  const counts: Record<string, number> = {};
  for (let i = 0; i < 200; i += 1) {
    expect(stage.pick(stage.call({ lane: 'dev' }))).toBe('d');
    const id = stage.pick();
    counts[id] = (counts[id] ?? 0) + 1;
  }
  expect(counts).toEqual({ s: 100, n: 100 });
});

it('a call that is picked again stays in the group that a split has given it, for as long as that is usable', () => {
  const stage = new BalancerStage();
  stage.ready('stable', 's');
  stage.ready('next', 'n');
  stage.route({ type: 'split', shares: { stable: 50, next: 50 } });
  const call = stage.call();
  const first = stage.pick(call);
  for (let i = 0; i < 10; i += 1) expect(stage.pick(call)).toBe(first);
  stage.report(first, 'failed');
  expect(stage.pick(call)).toBe(first === 's' ? 'n' : 's');
});
