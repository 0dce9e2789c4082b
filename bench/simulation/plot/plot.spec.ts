import { describe, expect, it } from 'vitest';
import { SUBJECTS } from '../channel.js';
import { SCENARIOS } from '../scenarios.js';
import { simulate } from '../simulate.js';
import { linear, logarithmic, stepOf } from './scale.js';
import { plotScenario } from './scenario-plot.js';

describe('scales', () => {
  it('place values and marks between the ends', () => {
    const x = linear(0, 30, [100, 400], stepOf(30, 6));
    expect([x(0), x(15), x(30)]).toEqual([100, 250, 400]);
    expect(x.marks).toEqual([0, 5, 10, 15, 20, 25, 30]);
    const y = logarithmic(10, 1000, [200, 0]);
    expect([y(10), y(100), y(1000)]).toEqual([200, 100, 0]);
    expect(y.marks).toEqual([10, 20, 50, 100, 200, 500, 1000]);
    expect(logarithmic(20, 150, [200, 0]).marks).toEqual([20, 30, 50, 70, 100, 150]);
    expect([stepOf(1.1, 6), stepOf(3, 6), stepOf(33, 5)]).toEqual([0.2, 0.5, 10]);
  });
});

describe('a plot', () => {
  it('names everyone, and has a place for every number', async () => {
    const brief = { ...SCENARIOS[0]!, title: 'A < B & "C"', from: 0, to: 2, end: 2 };
    const outcomes = [];
    for (const subject of SUBJECTS) outcomes.push(await simulate(brief, subject, 1));
    const svg = plotScenario(brief, outcomes, 1);
    for (const { name } of SUBJECTS) expect(svg).toContain(`>${name}</text>`);
    expect(svg).toContain('A &lt; B &amp; &quot;C&quot;');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg.match(/<circle /g)).toHaveLength(SUBJECTS.length * brief.instances);
  });
});
