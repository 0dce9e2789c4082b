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

/** Who stands above whom, so that rows stay where they are: the services as they are given, then names. */
function sorted(instances: readonly ServiceInstance[]): ServiceInstance[] {
  const services = [...new Set(instances.map(({ service }) => service))];
  return instances.toSorted(
    (a, b) => services.indexOf(a.service) - services.indexOf(b.service) || nameOf(a).localeCompare(nameOf(b)),
  );
}

function nameOf({ metadata, id }: ServiceInstance): string {
  return metadata['name'] ?? id;
}

/** Draws who is registered, and what share of the calls to its service each one got. */
export function drawTable({ registry, instances, answered, failed, notes }: Picture): string {
  const calls = ({ metadata }: ServiceInstance) => answered[metadata['name'] ?? ''] ?? 0;
  const rows = sorted(instances).map((instance) => {
    const { service, address, group, weight } = instance;
    const total = instances.reduce((sum, other) => sum + (other.service === service ? calls(other) : 0), 0);
    const share = calls(instance) / Math.max(1, total);
    const bar = `${`${(share * 100).toFixed(0)} %`.padStart(5)} ${'█'.repeat(Math.round(share * 20))}`;
    return [service, nameOf(instance), address, group || '-', `${weight}`, `${calls(instance)}`, bar];
  });
  const table = [['SERVICE', 'INSTANCE', 'ADDRESS', 'GROUP', 'WEIGHT', 'CALLS', 'SHARE'], ...rows];
  const width = (column: number) => Math.max(...table.map((row) => row[column]!.length));
  const lines = table.map((row) => row.map((cell, i) => cell.padEnd(width(i))).join('  '));
  const head = `Rookery: ${instances.length} ${instances.length === 1 ? 'instance' : 'instances'} in ${registry}, ${failed} failed calls`;
  return [head, ...lines, ...notes].map((line) => line.trimEnd()).join('\n');
}
