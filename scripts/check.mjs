// Everything about the code that needs no run of it: format, lint, types, the package's shape.
import { run } from './run.mjs';

const steps = {
  format: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  lint: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', 'libs', 'src', 'test', 'sample', 'bench'],
  types: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'],
  build: ['scripts/build.mjs'],
  package: ['node_modules/publint/src/cli.js', 'libs/rookery', '--strict'],
};

for (const [name, args] of Object.entries(steps)) {
  console.log(`check: ${name}`);
  run(process.execPath, ...args);
}
console.log('check: all good');
