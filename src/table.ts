import type { ServiceInstance } from 'rookery';

/** What one picture of the fleet shows. */
export interface Picture {
  readonly registry: string;
  readonly instances: readonly ServiceInstance[];
  /** Calls answered by name, since the last picture. */
  readonly answered: Readonly<Record<string, number>>;
  readonly failed: number;
}

const HEAD = ['SERVICE', 'INSTANCE', 'ADDRESS', 'GROUP', 'WEIGHT', 'CALLS', 'SHARE'];

/** Draws who is registered, and what share of the calls to its service each one got. */
export function drawTable({ registry, instances, answered, failed }: Picture): string {
  const calls = (instance: ServiceInstance) => answered[instance.metadata['name'] ?? ''] ?? 0;
  const total = (service: string) =>
    instances.filter((i) => i.service === service).reduce((sum, i) => sum + calls(i), 0);
  const rows = instances.map((instance) => {
    const { service, address, group, weight, metadata } = instance;
    const share = calls(instance) / Math.max(1, total(service));
    return [
      service,
      metadata['name'] ?? instance.id,
      address,
      group || '-',
      String(weight),
      String(calls(instance)),
      bar(share),
    ];
  });
  const widths = HEAD.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return [
    `Rookery: ${instances.length} instances in ${registry}, ${failed} failed calls`,
    line(HEAD),
    ...rows.map(line),
  ].join('\n');
}

function bar(share: number): string {
  return `${`${(share * 100).toFixed(0)} %`.padStart(5)} ${'█'.repeat(Math.round(share * 20))}`;
}
