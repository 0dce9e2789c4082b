import type { ServiceInstance } from 'rookery';

/** What one picture of the fleet shows. */
export interface Picture {
  readonly registry: string;
  readonly instances: readonly ServiceInstance[];
  /** Calls answered by name, since the last picture. */
  readonly answered: Readonly<Record<string, number>>;
  readonly failed: number;
  /** What the processes said last. */
  readonly notes: readonly string[];
}

/** Draws who is registered, and what share of the calls to its service each one got. */
export function drawTable({ registry, instances, answered, failed, notes }: Picture): string {
  const calls = ({ metadata }: ServiceInstance) => answered[metadata['name'] ?? ''] ?? 0;
  const rows = instances.map((instance) => {
    const { service, id, address, group, weight, metadata } = instance;
    const total = instances.reduce((sum, other) => sum + (other.service === service ? calls(other) : 0), 0);
    const share = calls(instance) / Math.max(1, total);
    const bar = `${`${(share * 100).toFixed(0)} %`.padStart(5)} ${'█'.repeat(Math.round(share * 20))}`;
    return [service, metadata['name'] ?? id, address, group || '-', `${weight}`, `${calls(instance)}`, bar];
  });
  const table = [['SERVICE', 'INSTANCE', 'ADDRESS', 'GROUP', 'WEIGHT', 'CALLS', 'SHARE'], ...rows];
  const width = (column: number) => Math.max(...table.map((row) => row[column]!.length));
  const lines = table.map((row) => row.map((cell, i) => cell.padEnd(width(i))).join('  '));
  const head = `Rookery: ${instances.length} instances in ${registry}, ${failed} failed calls`;
  return [head, ...lines, ...notes].map((line) => line.trimEnd()).join('\n');
}
