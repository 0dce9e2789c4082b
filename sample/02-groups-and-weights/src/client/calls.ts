import { UNGROUPED, withLane } from 'rookery';
import type { Answers, Tally } from './tally.js';

// #region calls
/** Each kind of call, and who answers it. */
export const calls: Readonly<Record<string, (tally: Tally) => Promise<Answers>>> = {
  // No group: only ungrouped instances, by weight.
  'no group': (tally) => tally.of(400),
  // A group is strict: nobody else answers.
  canary: (tally) => tally.of(100, { group: 'canary' }),
  // An order of preference: the first group that has a usable instance.
  'canary, else ungrouped': (tally) => tally.of(100, { group: ['canary', UNGROUPED] }),
  'blue, else ungrouped': (tally) => tally.of(400, { group: ['blue', UNGROUPED] }),
  // Nobody is in this group: an error that says who is there.
  blue: (tally) => tally.of(1, { group: 'blue' }),
  // Every instance, whatever its group, by plain weight.
  any: (tally) => tally.of(800, { group: '*' }),
  // A lane travels with the code that runs in it: the group of its name where the service has one …
  'lane canary': (tally) => withLane('canary', () => tally.of(100)),
  // … and the ordinary rules where it has not.
  'lane blue': (tally) => withLane('blue', () => tally.of(400)),
};
// #endregion
