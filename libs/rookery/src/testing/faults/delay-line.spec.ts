import { expect, it } from 'vitest';
import { eventually } from '../eventually.js';
import { DelayLine } from './delay-line.js';

it('keeps the order, also of what is due at once while something else is due and has not run', async () => {
  const line = new DelayLine();
  const ran: string[] = [];
  line.add(5, () => ran.push('a'));
  // The timer is late, as in a process that is busy.
  for (const start = performance.now(); performance.now() - start < 10;);
  line.add(0, () => ran.push('b'));
  line.add(3, () => ran.push('c'));
  line.add(0, () => ran.push('d'));
  await eventually(() => expect(ran).toEqual(['a', 'b', 'c', 'd']));
  line.add(0, () => ran.push('e'));
  expect(ran.at(-1)).toBe('e');
});
