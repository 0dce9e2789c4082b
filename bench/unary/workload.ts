import type { Echo, Item, Items } from './contract.js';

export const PAYLOADS = ['16B', '1KiB', '16KiB', 'list100'] as const;
export type Payload = (typeof PAYLOADS)[number];

const TEXT_BYTES = { '16B': 16, '1KiB': 1024, '16KiB': 16 * 1024 } as const;
const LIST = 100;

/** ASCII, so that a byte is a letter in JSON and in protobuf. */
const textOf = (bytes: number) => 'abcdefghijklmnop'.repeat(bytes / 16);

const ITEMS: readonly Item[] = Array.from({ length: LIST }, (_, i) => ({
  id: 1000 + i,
  sku: `sku-${1000 + i}`,
  title: 'a thing of some length',
  price: i + 0.99,
}));

/** The answer of `list`, made anew as a handler would make it. */
export function itemsOf(count: number): Items {
  return { items: ITEMS.slice(0, count) };
}

/** One call of this payload; whoever awaits it has had the answer. */
export function callOf(client: Echo, payload: Payload): () => Promise<unknown> {
  if (payload === 'list100') {
    const query = { count: LIST };
    return () => client.list(query);
  }
  const message = { text: textOf(TEXT_BYTES[payload]) };
  return () => client.echo(message);
}

/** Throws where the answer is not what was asked for: a fast wrong answer is none. */
export async function checkAnswer(client: Echo, payload: Payload): Promise<void> {
  const answer = await callOf(client, payload)();
  const expected = payload === 'list100' ? itemsOf(LIST) : { text: textOf(TEXT_BYTES[payload]) };
  if (JSON.stringify(answer) !== JSON.stringify(expected))
    throw new Error(`the answer to ${payload} is ${JSON.stringify(answer).slice(0, 100)}`);
}
