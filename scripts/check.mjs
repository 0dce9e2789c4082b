// Everything about the code that needs no run of it: format, lint, types, the package's shape.
import { runTogether } from './run.mjs';

const format = ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'];
const lint = ['--type-aware', '--deny-warnings', 'libs', 'src', 'test', 'sample', 'bench'];

/** In order; those of one row have a core each. */
const rows = [
  { format, types: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'] },
  { lint: ['node_modules/oxlint/bin/oxlint', ...lint] },
  { build: ['scripts/build.mjs'] },
  { package: ['node_modules/publint/src/cli.js', 'libs/rookery', '--strict'] },
];

for (const steps of rows) {
  console.log(`check: ${Object.keys(steps).join(', ')}`);
  await runTogether(...Object.values(steps).map((args) => [process.execPath, ...args]));
}
console.log('check: all good');
