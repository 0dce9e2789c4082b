import { existsSync, readdirSync } from 'node:fs';

const SKIPPED = new Set(['dist', 'node_modules', 'generated']);

/** The files below a folder with one of these endings, sorted, with `/` between; not what is generated or installed. */
export function listFiles(folder: string, ...endings: string[]): string[] {
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder, { withFileTypes: true }).flatMap((entry): string[] => {
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : listFiles(path, ...endings);
    return endings.some((ending) => entry.name.endsWith(ending)) ? [path] : [];
  });
  return found.toSorted();
}
