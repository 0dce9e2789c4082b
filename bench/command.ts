import { parseArgs } from 'node:util';
import type { Bench, Flags } from './bench.js';

/** What the command line asks for. */
export interface Command {
  readonly benches: readonly Bench[];
  readonly json: boolean;
  readonly save: boolean;
  /** Only says what there is. */
  readonly help: boolean;
  readonly seed?: string | undefined;
  /** Those of the benches. */
  readonly flags: Flags;
}

/** Throws where it makes no sense: a bench of minutes should not find that out at its end. */
export function readCommand(args: readonly string[], all: readonly Bench[]): Command {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  const own = Object.fromEntries(all.flatMap(({ flags = {} }) => Object.keys(flags)).map((name) => [name, text]));
  const options = { ...own, json: flag, save: flag, help: flag, seed: text };
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const { json, save, help, seed, ...given } = values;
  const unknown = positionals.filter((name) => !all.some((bench) => bench.name === name));
  if (unknown.length > 0) throw new Error(`there is no bench ${unknown.join(', ')}.`);
  if (seed !== undefined && !/^\d{1,10}$/.test(seed)) throw new Error(`--seed takes a whole number, not ${seed}.`);
  const named = all.filter(({ name }) => positionals.includes(name));
  const benches = named.length > 0 ? named : all;
  const flags = given as Flags;
  for (const name of Object.keys(flags))
    if (!named.some((bench) => Object.hasOwn(bench.flags ?? {}, name)))
      throw new Error(`--${name} is for ${ownersOf(name, all).join(', ')}, which must be named, too.`);
  for (const bench of benches) bench.check?.(flags);
  return { benches, json, save, help, seed, flags };
}

function ownersOf(flag: string, all: readonly Bench[]): string[] {
  return all.filter(({ flags = {} }) => Object.hasOwn(flags, flag)).map(({ name }) => name);
}

export function usageOf(all: readonly Bench[]): string {
  const lines = all.flatMap(({ name, summary, flags = {} }) => [
    `  ${name.padEnd(12)} ${summary}`,
    ...Object.entries(flags).map(([flag, meaning]) => `    ${`--${flag}`.padEnd(14)} ${meaning}`),
  ]);
  return `Usage: npm run bench -- [name …] [--json] [--save] [--seed n] [flags of a bench]\n\n${lines.join('\n')}`;
}
