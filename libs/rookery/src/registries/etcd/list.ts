import type { IRangeResponse, IResponseHeader } from 'etcd3';
import type { EtcdClient } from './client.js';
import type { KeyRange } from './layout.js';
import { keyValue, rangeOf, type KeyValue } from './requests.js';

/** Keys per answer: a longer one would hold up everything else on the connection. */
const PAGE = 1000;
/** How long each answer may take, ms. */
const LIST_MS = 5000;

export interface Listing {
  readonly header: IResponseHeader;
  /** The revision at which all of it was true. */
  readonly revision: number;
  readonly found: readonly KeyValue[];
}

/** Everything in some ranges, at one revision. */
export async function list(client: EtcdClient, ranges: readonly KeyRange[]): Promise<Listing> {
  const success = ranges.map((range) => ({ request_range: { ...rangeOf(range), limit: PAGE } }));
  const { header, responses } = await client.txn({ success }, LIST_MS);
  const revision = Number(header.revision);
  const found: KeyValue[] = [];
  for (const [i, range] of ranges.entries()) {
    let page: IRangeResponse | undefined = responses[i]?.response_range;
    while (page) {
      const values: KeyValue[] = page.kvs.map(keyValue);
      found.push(...values);
      const last: KeyValue | undefined = values.at(-1);
      page = page.more && last ? await client.range(nextPage(range, last.key, revision), LIST_MS) : undefined;
    }
  }
  return { header, revision, found };
}

function nextPage(range: KeyRange, after: string, revision: number) {
  // The first key behind `after` is `after` with a zero byte.
  return { ...rangeOf({ ...range, key: `${after}\0` }), limit: PAGE, revision };
}
