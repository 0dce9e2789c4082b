import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import { readCommand, usageOf } from './command.js';

const plain: Bench = { name: 'plain', summary: 'has no flags', run: async function* () {} };
const choosy: Bench = {
  ...plain,
  name: 'choosy',
  flags: { color: 'red, green' },
  check({ color }) {
    if (color === 'blue') throw new Error('--color takes red, green, not blue.');
  },
};
const all = [plain, choosy];
const read = (...args: string[]) => readCommand(args, all);

describe('the command line of the benches', () => {
  it('runs every bench where none is named', () => {
    expect(read()).toEqual({ benches: all, json: false, save: false, help: false, seed: undefined, flags: {} });
  });

  it('takes a bench, what all know, and the flags of that bench', () => {
    expect(read('choosy', '--json', '--seed', '7', '--color', 'red')).toEqual({
      benches: [choosy],
      json: true,
      save: false,
      help: false,
      seed: '7',
      flags: { color: 'red' },
    });
  });

  it.each([
    [['nope'], 'there is no bench nope.'],
    [['plain', '--seed', 'x'], '--seed takes a whole number, not x.'],
    [['plain', '--color', 'red'], '--color is for choosy, which must be named, too.'],
    [['--color', 'red'], '--color is for choosy, which must be named, too.'],
    [['choosy', '--color', 'blue'], '--color takes red, green, not blue.'],
    [['choosy', '--colour', 'red'], "Unknown option '--colour'"],
  ])('refuses %j', (args, message) => {
    expect(() => read(...args)).toThrow(message);
  });

  it('says what there is', () => {
    expect(usageOf(all)).toMatch(/ {2}plain +has no flags\n {2}choosy +has no flags\n {4}--color +red, green/);
  });
});
