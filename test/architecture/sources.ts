import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import ts from 'typescript';
import { listFiles } from '../support/files.js';

/** A parsed TypeScript file; its path is relative to the root of the repository. */
export interface Source {
  readonly path: string;
  readonly lines: number;
  readonly ast: ts.SourceFile;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `import type`, or a type such as `import('x').Y`. */
  readonly typeOnly: boolean;
  /** `import('x')`. */
  readonly dynamic: boolean;
}

export function parse(path: string, text: string): Source {
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return { path, ast, lines: text.trimEnd().split('\n').length };
}

export function readSources(...folders: string[]): Source[] {
  return folders.flatMap((folder) => listFiles(folder, '.ts')).map((path) => parse(path, readFileSync(path, 'utf8')));
}

export function lineOf(source: Source, node: ts.Node): number {
  return source.ast.getLineAndCharacterOfPosition(node.getStart(source.ast)).line + 1;
}

/** Every node of a file, depth first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* nodesOf(child);
}

/** Everything that a file names as a module, in whatever way. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node, name: ts.Node | undefined, typeOnly: boolean, dynamic = false) => {
    if (name && ts.isStringLiteralLike(name))
      found.push({ specifier: name.text, line: lineOf(source, node), typeOnly, dynamic });
  };
  for (const node of nodesOf(source.ast)) {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isTypeOnly(node));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, true);
    else if (ts.isExternalModuleReference(node)) add(node, node.expression, false);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0], false, true);
    else if (ts.isCallExpression(node) && node.expression.getText(source.ast) === 'require')
      add(node, node.arguments[0], false);
  }
  return found;
}

function isTypeOnly({ importClause }: ts.ImportDeclaration): boolean {
  if (!importClause) return false;
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = importClause.namedBindings;
  if (importClause.name || !bindings || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

export function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

/** The file that a relative import names. */
export function resolveRelative(from: string, specifier: string): string {
  return normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts');
}

/** `@nestjs/core` for `@nestjs/core/internal`; built-in modules are named whole. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** A spec, or what several specs beside it share: neither is built. */
export function isSpec({ path }: Source): boolean {
  return path.endsWith('.spec.ts') || path.endsWith('.stage.ts');
}
