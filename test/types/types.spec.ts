import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** Packages of the compiler by version; what they compile is the built package in `libs/rookery/dist`. */
const COMPILERS = { '5.9': 'ts5', '6': 'typescript', '7': 'ts7' };

/** Resolves to what the compiler says, `''` where all is well. */
async function compile(version: keyof typeof COMPILERS, ...args: string[]): Promise<string> {
  const compiler = `node_modules/${COMPILERS[version]}/bin/tsc`;
  return run(process.execPath, [compiler, ...args]).then(
    ({ stdout }) => stdout,
    ({ stdout, message }: { stdout?: string; message: string }) => stdout || message,
  );
}

/** A compiler takes its time where others want the machine too: only one that hangs takes this long, ms. */
const HANGS_MS = 300_000;

describe('the types of the built package', { timeout: HANGS_MS }, () => {
  // Inside the repository, so that imports resolve; `dist` is ignored by git and by the other tools.
  let out: string;

  beforeAll(() => {
    mkdirSync('test/types/dist', { recursive: true });
    out = mkdtempSync('test/types/dist/run-');
  });

  afterAll(() => rmSync(out, { recursive: true, force: true }));

  it.each(['5.9', '6', '7'] as const)(
    'compile in a project as `nest new` makes it, with TypeScript %s',
    async (version) => {
      expect(await compile(version, '-p', 'test/types/programs', '--outDir', `${out}/${version}`)).toBe('');
    },
  );

  it.each(['5.9', '6', '7'] as const)(
    'become a service and clients that answer, with TypeScript %s',
    async (version) => {
      const env = { ...process.env, ROOKERY_REGISTRY: 'memory:', NO_COLOR: '1' };
      const { stdout } = await run(process.execPath, [`${out}/${version}/programs/main.js`], { env });
      expect(JSON.parse(/^answers (.*)$/m.exec(stdout)?.[1] ?? 'null')).toEqual({
        byId: 'Grace',
        names: ['Ada', 'Grace'],
        count: 1,
        echo: ['HELLO'],
        inLane: 'Barbara',
        byObservable: 'Ada',
        byClient: 'Grace',
        refused: 'ROOKERY_GROUP_MISSING',
        plain: 'Barbara',
      });
    },
  );

  it.each(['5.9', '6', '7'] as const)('compile in a CommonJS project with TypeScript %s', async (version) => {
    const project = commonJs(`${out}/commonjs-${version}`, { module: 'nodenext' });
    expect(await compile(version, '-p', project)).toBe('');
  });

  it('are found by the old resolution of TypeScript 5, which does not know `exports`', async () => {
    const project = commonJs(`${out}/node10`, { module: 'commonjs', moduleResolution: 'node10' });
    expect(await compile('5.9', '-p', project)).toBe('');
  });
});

/** A project of its own whose files are CommonJS. */
function commonJs(folder: string, options: object): string {
  mkdirSync(folder);
  writeFileSync(`${folder}/package.json`, '{ "type": "commonjs" }');
  copyFileSync('test/types/commonjs/app.ts', `${folder}/app.ts`);
  const compilerOptions = {
    target: 'es2023',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    esModuleInterop: true,
  };
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({ compilerOptions: { ...compilerOptions, ...options }, files: ['app.ts'] }),
  );
  return folder;
}
