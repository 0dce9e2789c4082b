import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EDGES, MAX_LINES, P90_LINES } from './architecture/edges.js';
import {
  checkBarrels,
  checkDefaultExports,
  checkEdges,
  checkExperimental,
  checkPublished,
  checkPure,
  checkRequirable,
  checkSleeps,
  folderOf,
  LIBRARY,
  reachable,
  type Violation,
} from './architecture/rules.js';
import { isSpec, parse, readSources, type Source } from './architecture/sources.js';

type Exports = Record<string, string | { readonly 'rookery-source': string }>;
const { exports: subpaths } = JSON.parse(readFileSync('libs/rookery/package.json', 'utf8')) as { exports: Exports };
const published = new Set(Object.keys(subpaths).map((subpath) => `rookery${subpath.slice(1)}`));
const entries = Object.values(subpaths).flatMap((target) =>
  typeof target === 'string' ? [] : [target['rookery-source'].replace('./src/', LIBRARY)],
);

const library = readSources(LIBRARY.slice(0, -1));
const outside = readSources('bench', 'src', 'sample', 'test');
const code = library.filter((source) => !isSpec(source));
const all = [...library, ...outside];

const violations = (sources: readonly Source[], check: (source: Source) => Violation[]) => sources.flatMap(check);

describe('the architecture', () => {
  it('has only the edges between folders that the table allows', () => {
    expect(violations(library, checkEdges)).toEqual([]);
  });

  it('has no row in the table for a folder that is gone', () => {
    const folders = new Set(code.map(({ path }) => folderOf(path)));
    expect(Object.keys(EDGES).filter((folder) => !folders.has(folder))).toEqual([]);
  });

  it('imports no barrel inside the folder that it opens', () => {
    expect(violations(library, checkBarrels)).toEqual([]);
  });

  it('touches what grpc-js calls experimental only in grpc/', () => {
    expect(violations(code, checkExperimental)).toEqual([]);
  });

  it('gives core its time and its chance as arguments', () => {
    const core = code.filter(({ path }) => folderOf(path) === 'core');
    expect(violations(core, checkPure)).toEqual([]);
  });

  it('can be required by CommonJS, whichever subpath one begins with', () => {
    const found = reachable(entries, new Map(library.map((source) => [source.path, source])));
    expect(found.length).toBeGreaterThan(entries.length);
    expect(violations(found, checkRequirable)).toEqual([]);
  });

  it('holds no file that no subpath reaches', () => {
    const found = new Set(reachable(entries, new Map(library.map((source) => [source.path, source]))));
    expect(code.filter((source) => !found.has(source)).map(({ path }) => path)).toEqual([]);
  });

  it('exports nothing by default', () => {
    // What vitest itself reads has to be one.
    const own = all.filter(({ path }) => !path.endsWith('vitest.config.ts'));
    expect(violations(own, checkDefaultExports)).toEqual([]);
  });

  it('shows the app, the samples and the tests nothing that users do not see', () => {
    // A bench and the test that holds its figure share the engine.
    const homesOf = ({ path }: Source) =>
      path.startsWith('bench/') ? ['bench/', 'test/'] : [/^(src|test|sample\/[^/]+)\//.exec(path)![0]];
    expect(violations(outside, (source) => checkPublished(source, homesOf(source), published))).toEqual([]);
  });

  it('does not sleep in specs', () => {
    expect(violations(all.filter(isSpec), checkSleeps)).toEqual([]);
  });

  it('keeps its files short', () => {
    const lines = all.map((source) => source.lines).toSorted((a, b) => a - b);
    expect(all.filter((source) => source.lines > MAX_LINES).map(({ path, lines: n }) => `${path}: ${n} lines`)).toEqual(
      [],
    );
    expect(lines[Math.floor(lines.length * 0.9)]).toBeLessThanOrEqual(P90_LINES);
  });
});

describe('the checker of the architecture', () => {
  const check = (rule: (source: Source) => Violation[], path: string, text: string) =>
    rule(parse(LIBRARY + path, text));

  it('finds a forbidden edge, with its file and line', () => {
    const text = "import { a } from './a.js';\nimport type { Module } from '../nest/module.js';\n";
    expect(check(checkEdges, 'core/b.ts', text)).toEqual([
      `${LIBRARY}core/b.ts:2: core must not import nest (../nest/module.js)`,
    ]);
  });

  it.each([
    ["import 'node:fs';", 'core must not import node:fs'],
    ["export * from 'rxjs';", 'core must not import rxjs'],
    ["type T = import('@nestjs/common').Type;", 'core must not import @nestjs/common'],
    ["const f = () => import('etcd3');", 'core must not import etcd3'],
    ["const a = require('../system/time.js');", 'core must not import system (../system/time.js)'],
    ["import { x } from '../../../../test/x.js';", 'core must not import test/x.ts'],
  ])('finds %s in core', (text, fault) => {
    expect(check(checkEdges, 'core/b.ts', text)).toEqual([`${LIBRARY}core/b.ts:1: ${fault}`]);
  });

  it('lets a lazy package be named in types and loaded late, and no more', () => {
    const late =
      "import type { Etcd3 } from 'etcd3';\nimport { type Lease } from 'etcd3';\nconst f = () => import('etcd3');";
    expect(check(checkEdges, 'registries/etcd/b.ts', late)).toEqual([]);
    expect(check(checkEdges, 'registries/etcd/b.ts', "import { Etcd3 } from 'etcd3';")).toHaveLength(1);
  });

  it('finds a folder that has no row', () => {
    expect(check(checkEdges, 'new/b.ts', '')).toHaveLength(1);
  });

  it.each([
    'setTimeout(f, 1)',
    'new Date()',
    'Math.random()',
    'performance.now()',
    'globalThis.Date.now()',
    'process.env',
  ])('finds %s in core', (text) => expect(check(checkPure, 'core/b.ts', text)).toHaveLength(1));

  it('leaves a property of such a name alone', () => {
    expect(check(checkPure, 'core/b.ts', 'interface A { crypto: string }\nconst f = (a: A) => a.crypto;')).toEqual([]);
  });

  it('finds default exports, import.meta, top-level await, barrels, sleeps and what is not published', () => {
    expect(check(checkDefaultExports, 'b.ts', 'export default class {}')).toHaveLength(1);
    expect(check(checkDefaultExports, 'b.ts', 'export { a as default };')).toHaveLength(1);
    expect(check(checkRequirable, 'b.ts', 'import.meta.url;\nawait f();\nasync () => await f();')).toHaveLength(2);
    expect(check(checkBarrels, 'core/pickers/b.ts', "import '../index.js';")).toHaveLength(1);
    expect(check(checkExperimental, 'nest/b.ts', "import { experimental } from '@grpc/grpc-js';")).toHaveLength(1);
    expect(check(checkSleeps, 'b.spec.ts', "import { setTimeout as sleep } from 'node:timers/promises';")).toHaveLength(
      2,
    );
    const app = parse('src/b.ts', "import '../libs/rookery/src/index.js';\nimport 'rookery/nest';\nimport 'rookery';");
    expect(checkPublished(app, ['src/'], published)).toHaveLength(2);
  });
});
