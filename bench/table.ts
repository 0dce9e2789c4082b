import type { Result } from './bench.js';

/** The results as columns; a table of its own wherever the figures are others. */
export function drawTable(results: readonly Result[]): string {
  const tables = new Map<string, Result[]>();
  for (const result of results) {
    const columns = Object.keys(result).join();
    tables.set(columns, [...(tables.get(columns) ?? []), result]);
  }
  return [...tables.values()].map(drawOne).join('\n\n');
}

function drawOne(results: readonly Result[]): string {
  const columns = Object.keys(results[0] ?? {});
  const rows = [columns, ...results.map((result) => columns.map((column) => show(result[column])))];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function show(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number' || typeof value === 'string') return String(value);
  if (typeof value !== 'object' || value === null) return '';
  const parts = Object.entries(value).map(([key, one]) => `${key} ${show(one)}`);
  return parts.join(', ') || '-';
}
