import { readFile } from 'node:fs/promises';
import { isDnsName } from './name.js';

/** How names that do not end with a dot are completed (resolv.conf(5)). */
export interface SearchRules {
  readonly domains: readonly string[];
  /** A name with fewer dots is looked for in the domains first, and as it is only then. */
  readonly ndots: number;
}

/** The names that are asked for, in this order, until there is one that exists. */
export function candidatesOf(name: string, { domains, ndots }: SearchRules): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = domains.map((domain) => `${name}.${domain}`).filter(isDnsName);
  const dots = name.split('.').length - 1;
  return [...new Set(dots >= ndots ? [name, ...completed] : [...completed, name])];
}

/** What the file says; a machine without it has no search domains. */
export async function readSearchRules(path: string): Promise<SearchRules> {
  return parseSearchRules(await readFile(path, 'utf8').catch(() => ''));
}

/** Of several lines of a kind the last one counts, and `domain` is a list of one. */
export function parseSearchRules(text: string): SearchRules {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'search') domains = words;
    else if (keyword === 'domain') domains = words.slice(0, 1);
    else if (keyword === 'options') {
      const option = words.findLast((word) => /^ndots:\d+$/.test(word));
      // The C library takes no more than 15.
      if (option) ndots = Math.min(15, Number(option.slice('ndots:'.length)));
    }
  }
  // `search .` is a list without an entry.
  return { domains: domains.map((domain) => domain.replace(/\.$/, '')).filter(isDnsName), ndots };
}
