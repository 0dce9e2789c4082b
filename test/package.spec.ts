import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  FOLDER,
  installPacked,
  manifest,
  node,
  packagesIn,
  packedFiles,
  specifierOf,
  subpaths,
} from './package/package.js';

const PROTO = `syntax = "proto3";
package echo;
service Echo { rpc Say(Text) returns (Text); }
message Text { string text = 1; }
`;

describe('the package', () => {
  it('says the same to those who read `exports`, `typesVersions` and `main`', () => {
    const conditions = Object.fromEntries(
      subpaths.map((subpath) => [subpath, manifest.exports[subpath] as { types: string; default: string }]),
    );
    const { '.': root, ...others } = conditions;
    expect({ types: manifest.types, default: manifest.main }).toEqual({ types: root!.types, default: root!.default });
    const expected = Object.entries(others).map(([subpath, { types }]) => [subpath.slice(2), [types]]);
    expect(manifest.typesVersions['*']).toEqual(Object.fromEntries(expected));
  });

  it('has built what it exports', () => {
    const targets = subpaths.flatMap((subpath) =>
      Object.entries(manifest.exports[subpath]!).filter(([name]) => name !== 'rookery-source'),
    );
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.map(([, target]) => target as string).filter((target) => !existsSync(join(FOLDER, target)))).toEqual(
      [],
    );
  });

  it('is what publint calls clean', async () => {
    await node('.', 'node_modules/publint/src/cli.js', FOLDER, '--strict');
  });

  it('has the licence of the repository', () => {
    expect(readFileSync(join(FOLDER, 'LICENSE'), 'utf8')).toBe(readFileSync('LICENSE', 'utf8'));
  });
});

describe('what is published', () => {
  let files: string[];
  beforeAll(async () => {
    files = await packedFiles();
  });

  it('is compiled code, and what every package has', () => {
    const others = files.filter((file) => !/^dist\/.*\.(js|js\.map|d\.ts)$/.test(file));
    expect(others.toSorted()).toEqual(['LICENSE', 'README.md', 'package.json']);
    expect(files.filter((file) => file.includes('.spec.'))).toEqual([]);
  });

  it('comes from a source that exists', () => {
    const sources = files
      .filter((file) => file.endsWith('.js'))
      .map((file) => file.replace('dist/', 'src/').replace(/\.js$/, '.ts'));
    expect(sources.filter((source) => !existsSync(join(FOLDER, source)))).toEqual([]);
  });

  it('names the packages that it declares, all of them and no others', () => {
    const code = files.filter((file) => /\.(js|d\.ts)$/.test(file)).map((file) => join(FOLDER, file));
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    expect([...packagesIn(code)].toSorted()).toEqual(declared.toSorted());
  });
});

describe('the packed package, installed in an empty folder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-package-'));
    await installPacked(folder);
    writeFileSync(join(folder, 'echo.proto'), PROTO);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(subpaths)('gives CommonJS and ESM the same exports of %s', async (subpath) => {
    const specifier = JSON.stringify(specifierOf(subpath));
    const print = 'console.log(JSON.stringify(Object.keys(exported).sort()))';
    const esm = await node(folder, '--input-type=module', '-e', `import * as exported from ${specifier}; ${print}`);
    const commonJs = await node(
      folder,
      '--input-type=commonjs',
      '-e',
      `const exported = require(${specifier}); ${print}`,
    );
    const names = (text: string) => (JSON.parse(text) as string[]).filter((name) => name !== '__esModule');
    expect(names(esm).length).toBeGreaterThan(0);
    expect(names(commonJs)).toEqual(names(esm));
  });

  it('loads etcd3 only where a registry of etcd is used', async () => {
    const loaded = (imports: string) =>
      node(
        folder,
        '--input-type=module',
        '-e',
        `import { createRequire } from 'node:module'; ${imports}
         const paths = Object.keys(createRequire(process.cwd() + '/x.js').cache);
         console.log(paths.some((path) => /node_modules.etcd3./.test(path)), paths.some((path) => /grpc-js/.test(path)));`,
      );
    expect(await loaded("import 'rookery'; import 'rookery/registries'; import 'rookery/grpc';")).toBe('false true');
    expect(await loaded("import 'rookery/etcd'; import 'etcd3';")).toBe('true true');
  });

  it.each([
    ['ESM', ts.ModuleKind.ESNext, 'program.mjs'],
    ['CommonJS', ts.ModuleKind.CommonJS, 'program.cjs'],
  ])('runs a service and its client in a program of %s', async (_, module, file) => {
    const compilerOptions = {
      module,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    };
    const { outputText } = ts.transpileModule(readFileSync('test/package/program.ts', 'utf8'), { compilerOptions });
    writeFileSync(join(folder, file), outputText);
    expect((await node(folder, file)).split('\n')).toContain('hello hello');
  });
});
