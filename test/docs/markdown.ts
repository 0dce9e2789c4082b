import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { listFiles } from '../support/files.js';

/** A markdown file; its path is relative to the root of the repository. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

export interface CodeBlock {
  readonly line: number;
  /** What stands behind the fence: `ts file=src/main.ts`. */
  readonly info: string;
  readonly code: string;
}

export function readPages(): Page[] {
  return listFiles('.', '.md').map(readPage);
}

export function readPage(path: string): Page {
  return { path, text: readFileSync(path, 'utf8') };
}

export function codeBlocks({ text }: Page): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { line: number; info: string; fence: string; lines: string[] } | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    const [, fence, info = ''] = /^(`{3,})(.*)$/.exec(line) ?? [];
    if (open && fence === open.fence && info === '') {
      blocks.push({ line: open.line, info: open.info, code: open.lines.join('\n') });
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (fence !== undefined) open = { line: i + 1, info: info.trim(), fence, lines: [] };
  }
  return blocks;
}

/** What is wrong with a block that says `file=PATH` or `file=PATH#REGION`; nothing where it is a true copy. */
export function checkCopy({ path }: Page, { line, info, code }: CodeBlock, read = readIfThere): string[] {
  const [, file, region] = /\bfile=([^\s#]+)(?:#(\S+))?/.exec(info) ?? [];
  if (file === undefined) return [];
  const at = `${path}:${line}:`;
  const text = read(file);
  if (text === undefined) return [`${at} ${file} does not exist`];
  const wanted = region === undefined ? text.trimEnd() : regionOf(text, region);
  if (wanted === undefined) return [`${at} ${file} has no region ${region} (// #region ${region} … // #endregion)`];
  return wanted === code.trimEnd() ? [] : [`${at} differs from ${file}${region === undefined ? '' : `#${region}`}`];
}

/** The lines of a region, with the indentation that they share taken away. */
export function regionOf(text: string, name: string): string | undefined {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.trim() === `// #region ${name}`);
  const length = lines.slice(start + 1).findIndex((line) => line.trim().startsWith('// #endregion'));
  if (start < 0 || length < 0) return undefined;
  const region = lines.slice(start + 1, start + 1 + length).filter((line) => !line.trim().startsWith('// #region'));
  const indents = region.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length);
  const shared = Math.min(...indents);
  return region
    .map((line) => line.slice(shared))
    .join('\n')
    .trimEnd();
}

/** The links of a page to files and headings that do not exist. */
export function brokenLinks(page: Page): string[] {
  return linksOf(page).flatMap(({ target, line }) => {
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? page.path : normalize(join(dirname(page.path), decodeURIComponent(file)));
    const at = `${page.path}:${line}:`;
    if (file !== '' && (path.startsWith('..') || !existsSync(path))) return [`${at} ${target} does not exist`];
    if (anchor === undefined || !path.endsWith('.md')) return [];
    const known = file === '' ? page : readPage(path);
    return anchorsOf(known).includes(anchor) ? [] : [`${at} ${path} has no heading #${anchor}`];
  });
}

function linksOf({ text }: Page): { target: string; line: number }[] {
  const outside = withoutCode(text);
  return outside.split('\n').flatMap((line, i) => {
    const found = [...line.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map(([, target]) => ({
      target: target!,
      line: i + 1,
    }));
    return found.filter(({ target }) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
  });
}

/** The same lines, but those of code empty. */
function withoutCode(text: string): string {
  const blank = (code: string) => code.replaceAll(/[^\n]/g, '');
  return text.replaceAll(/^(`{3,})[\s\S]*?^\1$/gm, blank).replaceAll(/`[^`\n]*`(?!\]\()/g, blank);
}

/** As GitHub makes them of headings. */
export function anchorsOf({ text }: Page): string[] {
  const headings = [...text.replaceAll(/^(`{3,})[\s\S]*?^\1$/gm, '').matchAll(/^#{1,6} (.+)$/gm)].map(
    ([, heading]) => heading!,
  );
  return headings.map((heading) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The part of a page below a heading, up to the next of the same or a higher level. */
export function section({ path, text }: Page, heading: string): string {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'));
  if (start < 0) throw new Error(`${path} has no heading "${heading}"`);
  const level = /^#+/.exec(lines[start]!)![0].length;
  const end = lines.findIndex((line, i) => i > start && /^#+ /.test(line) && /^#+/.exec(line)![0].length <= level);
  return lines.slice(start + 1, end < 0 ? undefined : end).join('\n');
}

/** The names in code marks in the first column of the tables of a text. */
export function tableNames(text: string): string[] {
  const cells = text.split('\n').flatMap((line) => /^\|([^|]*)\|/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
