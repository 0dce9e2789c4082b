/**
 * `npm run bench -- [name …] [--json] [--save] [--seed n]`: runs the named benches, or all. Results go to stdout, as a table or as one
 * JSON object a line, everything else to stderr; `--save` writes them to `bench/results`, too.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Bench, Result } from './bench.js';
import { pick } from './pick.js';
import { registry } from './registry.js';
import { rolling } from './rolling.js';
import { readSetting } from './setting.js';
import { simulate } from './simulate.js';
import { drawTable } from './table.js';

const BENCHES: readonly Bench[] = [rolling, registry, pick, simulate];

const tell = (line: string) => process.stderr.write(`${line}\n`);

interface Flags {
  readonly json: boolean;
  readonly save: boolean;
}

async function runBench(bench: Bench, { json, save }: Flags): Promise<void> {
  const setting = readSetting();
  const results: Result[] = [];
  const files = new Map<string, string>();
  for await (const result of bench.run(tell, (file, text) => files.set(file, text))) {
    if (json) console.log(JSON.stringify({ ...result, ...setting }));
    results.push(result);
  }
  if (!json) console.log(`${drawTable(results)}\n\n${Object.values(setting).join(', commit ')}`);
  files.set(`${bench.name}.json`, `${JSON.stringify({ ...setting, results }, null, 2)}\n`);
  if (save) for (const [file, text] of files) writeFileSync(`bench/results/${file}`, text);
}

/** Benches run in processes of their own, too: the seed goes where all look for it. */
function takeSeed(seed: string): void {
  if (!/^\d{1,10}$/.test(seed)) throw new Error(`--seed takes a whole number, not ${seed}.`);
  process.env['ROOKERY_SEED'] = seed;
}

/** What the command line asks for; absent where it makes no sense. */
function readCommand(): ({ readonly benches: readonly Bench[] } & Flags) | undefined {
  try {
    const flag = { type: 'boolean', default: false } as const;
    const options = { json: flag, save: flag, seed: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
    if (unknown.length > 0) throw new Error(`there is no bench ${unknown.join(', ')}.`);
    const named = BENCHES.filter(({ name }) => positionals.includes(name));
    if (values.save && readSetting().commit?.endsWith('-dirty'))
      throw new Error('--save needs a clean tree: figures are kept with the commit that they were measured on.');
    if (values.seed !== undefined) takeSeed(values.seed);
    return { benches: named.length > 0 ? named : BENCHES, ...values };
  } catch (error) {
    tell(`bench: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function main(): Promise<void> {
  const command = readCommand();
  if (!command) {
    tell('\nUsage: npm run bench -- [name …] [--json] [--save] [--seed n]\n');
    for (const { name, summary } of BENCHES) tell(`  ${name.padEnd(10)} ${summary}`);
    process.exitCode = 2;
    return;
  }
  for (const bench of command.benches) await runBench(bench, command);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
