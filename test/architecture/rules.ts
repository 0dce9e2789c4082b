import ts from 'typescript';
import { EDGES, FORBIDDEN_IN_CORE, SPEC_EDGES } from './edges.js';
import {
  importsOf,
  isRelative,
  isSpec,
  lineOf,
  nodesOf,
  packageOf,
  resolveRelative,
  type Import,
  type Source,
} from './sources.js';

/** `file:line: what is wrong`. */
export type Violation = string;

export const LIBRARY = 'libs/rookery/src/';

/** The folder whose row of the table holds for a file of the library. */
export function folderOf(path: string): string {
  const inside = path.slice(LIBRARY.length);
  const rows = Object.keys(EDGES).filter((folder) => inside.startsWith(`${folder}/`));
  return (
    rows.toSorted((a, b) => b.length - a.length)[0] ??
    (inside.includes('/') ? inside.slice(0, inside.indexOf('/')) : '.')
  );
}

export function checkEdges(source: Source): Violation[] {
  const from = folderOf(source.path);
  const rule = EDGES[from];
  if (!rule) return [`${source.path}:1: the folder ${from} has no row in test/architecture/edges.ts`];
  const spec = isSpec(source);
  const folders = [from, ...rule.folders, ...(spec ? SPEC_EDGES.folders : [])];
  const packages = [...rule.packages, ...(spec ? SPEC_EDGES.packages : [])];
  return checkImports(source, (found) => {
    const { specifier, typeOnly, dynamic } = found;
    if (!isRelative(specifier)) {
      if (covers(packages, specifier)) return undefined;
      if (!covers(rule.lazy ?? [], specifier)) return `${from} must not import ${specifier}`;
      return typeOnly || dynamic ? undefined : `${from} may name ${specifier} in types only, or load it by import()`;
    }
    const target = resolveRelative(source.path, specifier);
    if (!target.startsWith(LIBRARY))
      return spec && target.startsWith('test/') ? undefined : `${from} must not import ${target}`;
    const known = folders.includes(folderOf(target)) || rule.files?.includes(target.slice(LIBRARY.length));
    return known ? undefined : `${from} must not import ${folderOf(target)} (${specifier})`;
  });
}

function covers(packages: readonly string[], specifier: string): boolean {
  const wildcard = specifier.startsWith('node:') ? 'node:*' : `${specifier.split('/')[0]}/*`;
  return packages.includes(packageOf(specifier)) || packages.includes(wildcard);
}

/** A barrel is for those outside: inside, it would make circles. */
export function checkBarrels(source: Source): Violation[] {
  if (isSpec(source)) return [];
  return checkImports(source, ({ specifier }) => {
    const target = isRelative(specifier) ? resolveRelative(source.path, specifier) : '';
    const folder = target.replace(/index\.ts$/, '');
    return target !== folder && source.path.startsWith(folder)
      ? `imports the barrel of its own folder (${specifier})`
      : undefined;
  });
}

export function checkExperimental(source: Source): Violation[] {
  if (folderOf(source.path) === 'grpc') return [];
  const deep = checkImports(source, ({ specifier }) =>
    specifier.startsWith('@grpc/grpc-js/') ? `only grpc/ may reach into grpc-js (${specifier})` : undefined,
  );
  const names = checkNodes(source, (node) =>
    ts.isIdentifier(node) && node.text === 'experimental' ? 'only grpc/ may use `experimental` of grpc-js' : undefined,
  );
  return [...deep, ...names];
}

export function checkPure(source: Source): Violation[] {
  return checkNodes(source, (node) => {
    if (ts.isPropertyAccessExpression(node) && FORBIDDEN_IN_CORE.includes(node.getText(source.ast)))
      return `core must not use ${node.getText(source.ast)}`;
    if (!ts.isIdentifier(node) || !FORBIDDEN_IN_CORE.includes(node.text)) return undefined;
    const { parent } = node;
    const isName =
      (ts.isPropertyAccessExpression(parent) && parent.name === node) || (isNamed(parent) && parent.name === node);
    return isName && !isGlobalThis(parent) ? undefined : `core must not use ${node.text}`;
  });
}

function isNamed(node: ts.Node): node is ts.Node & { readonly name: ts.Node } {
  return (
    ts.isPropertySignature(node) ||
    ts.isPropertyAssignment(node) ||
    ts.isMethodSignature(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isPropertyDeclaration(node)
  );
}

function isGlobalThis(node: ts.Node): boolean {
  return (
    ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'globalThis'
  );
}

export function checkDefaultExports(source: Source): Violation[] {
  return checkNodes(source, (node) => {
    const isDefault =
      ts.isExportAssignment(node) ||
      (ts.isExportSpecifier(node) && node.name.text === 'default') ||
      (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword));
    return isDefault ? 'no default exports' : undefined;
  });
}

/** CommonJS users take the package by require(esm), which knows neither. */
export function checkRequirable(source: Source): Violation[] {
  return checkNodes(source, (node) => {
    if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword)
      return 'no import.meta in what require() can reach';
    const awaits = ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined);
    return awaits && !isInFunction(node) ? 'no top-level await in what require() can reach' : undefined;
  });
}

function isInFunction(node: ts.Node): boolean {
  for (let at = node.parent; at; at = at.parent) if (ts.isFunctionLike(at)) return true;
  return false;
}

/** Whoever is not the library sees what users see. */
export function checkPublished(source: Source, homes: readonly string[], published: ReadonlySet<string>): Violation[] {
  return checkImports(source, ({ specifier }) => {
    if (isRelative(specifier))
      return homes.some((home) => resolveRelative(source.path, specifier).startsWith(home))
        ? undefined
        : `leaves ${homes.join(' and ')} (${specifier})`;
    return packageOf(specifier) !== 'rookery' || published.has(specifier) ? undefined : `${specifier} is not published`;
  });
}

export function checkSleeps(source: Source): Violation[] {
  const named = checkNodes(source, (node) =>
    ts.isIdentifier(node) && node.text === 'setTimeout'
      ? 'a spec must not sleep: use eventually() or fakeTime()'
      : undefined,
  );
  const modules = checkImports(source, ({ specifier }) =>
    /^(node:)?timers(\/|$)/.test(specifier) ? 'a spec must not sleep' : undefined,
  );
  return [...named, ...modules];
}

/** Everything that these files import from one another, and themselves. */
export function reachable(entries: readonly string[], sources: ReadonlyMap<string, Source>): Source[] {
  const found = new Set<Source>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const source = sources.get(path);
    if (!source || found.has(source)) continue;
    found.add(source);
    for (const { specifier } of importsOf(source))
      if (isRelative(specifier)) queue.push(resolveRelative(path, specifier));
  }
  return [...found];
}

function checkImports(source: Source, fault: (found: Import) => string | undefined): Violation[] {
  return importsOf(source).flatMap((found) => violation(source, found.line, fault(found)));
}

function checkNodes(source: Source, fault: (node: ts.Node) => string | undefined): Violation[] {
  return [...nodesOf(source.ast)].flatMap((node) => violation(source, lineOf(source, node), fault(node)));
}

function violation({ path }: Source, line: number, fault: string | undefined): Violation[] {
  return fault === undefined ? [] : [`${path}:${line}: ${fault}`];
}
