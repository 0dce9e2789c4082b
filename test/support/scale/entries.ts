/** What stands in etcd of a server that is not there: the keys are nobody's, so that nobody puts them back. */
export interface EntryFields {
  readonly weight?: number;
  readonly group?: string;
}

export function entryOf(service: string, n: number, { weight = 100, group = '' }: EntryFields = {}) {
  const id = `i-${n}`;
  const key = `rookery/${group ? 'groups' : 'services'}/${service}/${id}`;
  return [key, JSON.stringify({ ...FIXED, Addr: addressOf(n), gen: `g-${n}`, service, weight, group })] as const;
}

const FIXED = { Op: 0, Metadata: null, v: 1, status: 'up', peer: 1, secure: false, pinned: [], meta: {} };

/** One of its own for each. */
export function addressOf(n: number): string {
  return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:50051`;
}
