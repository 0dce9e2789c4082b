import { DIALECTS } from 'rookery/etcd';

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
