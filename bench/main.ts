/**
 * `npm run bench -- [name …] [--json] [--save] [--seed n]`: runs the named benches, or all. Results go to stdout, as a table or as one
 * JSON object a line, everything else to stderr; `--save` writes them to `bench/results`, too. Ends with 1 where a part could not
 * be measured.
 */
import { writeFileSync } from 'node:fs';
import type { Bench, Result } from './bench.js';
import { readCommand, usageOf, type Command } from './command.js';
import { exactlyOnce } from './exactly-once.js';
import { pick } from './pick.js';
import { registry } from './registry.js';
import { rolling } from './rolling.js';
import { readSetting } from './setting.js';
import { simulate } from './simulate.js';
import { soaking } from './soak.js';
import { drawTable } from './table.js';
import { unary } from './unary.js';

const BENCHES: readonly Bench[] = [rolling, registry, pick, simulate, unary, exactlyOnce, soaking];

const tell = (line: string) => process.stderr.write(`${line}\n`);

async function runBench(bench: Bench, { json, save, flags }: Command): Promise<void> {
  const setting = readSetting();
  const results: Result[] = [];
  const files = new Map<string, string>();
  const context = {
    flags,
    onProgress: tell,
    onFailure(line: string) {
      tell(line);
      process.exitCode = 1;
    },
    keep: (file: string, text: string) => void files.set(file, text),
  };
  for await (const result of bench.run(context)) {
    if (json) console.log(JSON.stringify({ ...result, ...setting }));
    results.push(result);
  }
  if (!json) console.log(`${drawTable(results)}\n\n${Object.values(setting).join(', commit ')}`);
  files.set(`${bench.name}.json`, `${JSON.stringify({ ...setting, results }, null, 2)}\n`);
  if (save) for (const [file, text] of files) writeFileSync(`bench/results/${file}`, text);
}

/** Absent where the command line makes no sense. */
function readArguments(): Command | undefined {
  try {
    const command = readCommand(process.argv.slice(2), BENCHES);
    if (command.save && readSetting().commit?.endsWith('-dirty'))
      throw new Error('--save needs a clean tree: figures are kept with the commit that they were measured on.');
    // Benches run in processes of their own, too: the seed goes where all look for it.
    if (command.seed !== undefined) process.env['ROOKERY_SEED'] = command.seed;
    return command;
  } catch (error) {
    tell(`bench: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function main(): Promise<void> {
  const command = readArguments();
  if (!command) {
    tell(`\n${usageOf(BENCHES)}`);
    process.exitCode = 2;
    return;
  }
  if (command.help) console.log(usageOf(BENCHES));
  else for (const bench of command.benches) await runBench(bench, command);
}

// What a bench has started ends with the process, and a signal by itself would not tell it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
