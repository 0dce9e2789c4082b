import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Registry } from 'rookery/core';
import { DIALECTS, etcd } from 'rookery/etcd';
import { dns, file, http, local, memory, staticRegistry } from 'rookery/registries';
import { zookeeper } from 'rookery/zookeeper';

/** What each registry can say, as a table; those that only read are sources. */
export async function registryTable(): Promise<string> {
  const hosts = '127.0.0.1:1';
  const directory = mkdtempSync(join(tmpdir(), 'rookery-docs-'));
  const registries: Readonly<Record<string, Registry>> = {
    memory: memory(),
    local: local({ directory }),
    static: staticRegistry([]),
    file: file('services.json'),
    dns: dns('_grpc._tcp.<service>.svc'),
    http: http('http://127.0.0.1:1/<service>'),
    etcd: etcd({ hosts }),
    zookeeper: zookeeper({ hosts }),
  };
  const rows = Object.entries(registries).map(([name, { capabilities }]) => {
    const { register, lease, weights, groups, push, steer, routes } = capabilities;
    return [`[${name}](#${name})`, ...[register, lease, weights, groups, push, steer, routes].map(says)];
  });
  await Promise.all(Object.values(registries).map((registry) => registry[Symbol.asyncDispose]()));
  rmSync(directory, { recursive: true });
  return table(['', 'registers', 'lease', 'weights', 'groups', 'push', 'operators', 'routes'], rows);
}

/** What each dialect of etcd can say, as a table. */
export function dialectTable(): string {
  return table(
    ['dialect', 'prefix of its keys', 'its clients heed weights', 'and groups', 'at weight 0', 'knows ours'],
    DIALECTS.map(({ name, prefix, weights, groups, zero, room }) => [
      `\`${name}\``,
      `\`${prefix}\``,
      says(weights),
      says(groups),
      zero ? 'stays' : 'is taken away',
      says(room),
    ]),
  );
}

function says(value: boolean): string {
  return value ? 'yes' : 'no';
}

/** As prettier writes it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** What stands between the comments `<!-- NAME: … -->` and `<!-- end -->`. */
export function generated(text: string, name: string): string | undefined {
  return new RegExp(`<!-- ${name}: [^>]*-->\\n([\\s\\S]*?)<!-- end -->`).exec(text)?.[1]?.trim();
}
