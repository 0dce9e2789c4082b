import { describe, expect, it } from 'vitest';
import { plotCpu, plotSpeed } from './plot.js';
import { SUBJECTS } from './subjects.js';
import { PAYLOADS } from './workload.js';

const points = SUBJECTS.flatMap(({ name }, i) =>
  PAYLOADS.flatMap((payload) =>
    [1, 64].map((concurrency) => ({
      subject: name,
      payload,
      concurrency,
      instances: 1,
      rps: 1000 * (i + 1) * concurrency,
      cpuUs: 10 * (i + 1),
      serverCpuUs: 5,
    })),
  ),
);

describe('the plots of the unary bench', () => {
  it('name everyone, and have a place for every number', () => {
    const [speed, cpu] = [plotSpeed(points)!, plotCpu(points)!];
    for (const svg of [speed, cpu]) {
      for (const { name } of SUBJECTS) expect(svg).toContain(`>${name}</text>`);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    }
    for (const payload of PAYLOADS) expect(speed).toContain(`>${payload}</text>`);
    expect(speed.match(/<circle /g)).toHaveLength(points.length);
    expect(cpu).toContain('>10 + 5</text>');
  });

  it('are not drawn of what was not measured', () => {
    const elsewhere = points.map((point) => ({ ...point, instances: 4 }));
    expect([plotSpeed(elsewhere), plotCpu(elsewhere), plotSpeed([])]).toEqual([undefined, undefined, undefined]);
  });
});
