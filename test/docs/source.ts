import ts from 'typescript';
import { nodesOf, readSources, type Source } from '../architecture/sources.js';

const library = readSources('libs/rookery/src').filter(({ path }) => !path.endsWith('.spec.ts'));

/** The texts in code (not in comments) that look like a name of ours, and the files that have them. */
export function namesInCode(pattern: RegExp): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const source of library) {
    for (const node of nodesOf(source.ast)) {
      const text = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isIdentifier(node) ? node.text : '';
      for (const [name] of text.matchAll(pattern))
        found.set(name, [...new Set([...(found.get(name) ?? []), source.path])]);
    }
  }
  return found;
}

/** The names that a file of the library exports from others, types among them. */
export function exportsOf(path: string): Set<string> {
  const source = library.find((each) => each.path === path);
  if (!source) throw new Error(`there is no ${path}`);
  const names = source.ast.statements.flatMap((node) => {
    const clause = ts.isExportDeclaration(node) ? node.exportClause : undefined;
    return clause && ts.isNamedExports(clause) ? clause.elements.map(({ name }) => name.text) : [];
  });
  return new Set(names);
}

/**
 * The names of the members of an interface of the library, without those that it has from other packages.
 * @param elsewhere an interface that it extends, whose members are not meant
 */
export function membersOf(name: string, elsewhere = ''): string[] {
  const found = library.flatMap((source) => interfaceIn(source, name) ?? []);
  if (found.length !== 1) throw new Error(`there are ${found.length} interfaces ${name}`);
  const own = found[0]!.members.map((member) => (member.name as ts.Identifier).text);
  return [
    ...own,
    ...(found[0]!.heritageClauses ?? []).flatMap(({ types }) => types.flatMap((type) => inherited(type, elsewhere))),
  ];
}

/** Of `Base`, or `Pick<Base, 'a' | 'b'>`. */
function inherited({ expression, typeArguments }: ts.ExpressionWithTypeArguments, elsewhere: string): string[] {
  const name = expression.getText();
  const [, keys] = typeArguments ?? [];
  if (name === 'Pick') return [...keys!.getText().matchAll(/'(\w+)'/g)].map(([, key]) => key!);
  return name !== elsewhere && library.some((source) => interfaceIn(source, name)) ? membersOf(name) : [];
}

function interfaceIn(source: Source, name: string): ts.InterfaceDeclaration | undefined {
  return source.ast.statements.find(
    (node): node is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(node) && node.name.text === name,
  );
}
