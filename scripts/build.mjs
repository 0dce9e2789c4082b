// Builds the packages first, then what imports them: the samples, the app and the programs that tests start.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { run } from './run.mjs';

const folders = ['libs', 'sample'].flatMap((parent) => readdirSync(parent).map((name) => `${parent}/${name}`));
for (const folder of folders) removeStale(`${folder}/src`, `${folder}/dist`);
const configs = [...folders, '.']
  .map((folder) => `${folder}/tsconfig.build.json`)
  .filter((config) => existsSync(config));
for (const config of configs) run(process.execPath, 'node_modules/typescript/bin/tsc', '-p', config);

/** The compiler leaves the output of a source that was renamed or removed, and it would be published. */
function removeStale(src, dist) {
  if (!existsSync(dist)) return;
  for (const path of readdirSync(dist, { recursive: true })) {
    const source = path.replace(/(\.js|\.js\.map|\.d\.ts)$/, '.ts');
    if (source !== path && !existsSync(`${src}/${source}`)) rmSync(`${dist}/${path}`);
  }
}
