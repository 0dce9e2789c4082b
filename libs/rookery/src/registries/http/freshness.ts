import type { IncomingHttpHeaders } from 'node:http';

/** What a server says of how long its list counts is taken within these, ms: it may be meant for browsers. */
const LEAST_MS = 1000;
const MOST_MS = 60_000;

/**
 * When to ask again, ms: what is left of `max-age` of Cache-Control (RFC 9111 §4.2), 1 s to 60 s; without it `otherwise`.
 */
export function intervalOf(headers: IncomingHttpHeaders, otherwise: number): number {
  const control = headers['cache-control'] ?? '';
  const [, seconds] = /(?:^|[,\s])max-age="?(\d{1,9})"?(?:$|[,\s])/i.exec(control) ?? [];
  if (seconds === undefined || /(?:^|[,\s])no-(?:cache|store)(?:$|[,\s=])/i.test(control)) return otherwise;
  const age = Number(/^\d{1,9}$/.exec(headers.age ?? '')?.[0] ?? 0);
  return Math.min(MOST_MS, Math.max(LEAST_MS, (Number(seconds) - age) * 1000));
}
