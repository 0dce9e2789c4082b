import { createHash, type Hash } from 'node:crypto';
import { setImmediate as otherWork } from 'node:timers/promises';
import { messageOf, show } from '../core/errors.js';
import { createInstance, type ServiceInstance } from '../core/instance.js';
import { parseRoute, type GroupRoute } from '../core/route.js';
import type { ViewSnapshot } from '../core/view-cache.js';
import { expired, foreign, malformed } from './faults.js';

/** Readers refuse any other. */
const VERSION = 1;
/** Instances that are written or read at a stretch, about a millisecond's work; other work comes between. */
const CHUNK = 100;

/** The first line of a file; the others are one instance each, and the last is a `Seal`. */
export interface Header {
  /** The registry's URL without secrets. */
  readonly registry: string;
  readonly service: string;
  /** When the registry said so, ms since 1970. */
  readonly savedAt: number;
  readonly route?: GroupRoute | undefined;
}

/** Tells a whole file from half of one, and from one with a flipped bit. */
interface Seal {
  readonly instances: number;
  /** Of all the text before, hexadecimal. */
  readonly sha256: string;
}

/** The text of a snapshot, piece by piece: each is made when it is asked for. */
export function* encodeSnapshot(
  { registry, service, savedAt, route }: Header,
  instances: readonly ServiceInstance[],
): Generator<string, void> {
  const hash = createHash('sha256');
  const head = { rookery: 'snapshot', v: VERSION, registry, service, savedAt, route };
  yield hashed(hash, `${JSON.stringify(head)}\n`);
  for (let i = 0; i < instances.length; i += CHUNK) {
    const lines = instances.slice(i, i + CHUNK).map((instance) => `${JSON.stringify(instance)}\n`);
    yield hashed(hash, lines.join(''));
  }
  const seal: Seal = { instances: instances.length, sha256: hash.digest('hex') };
  yield `${JSON.stringify(seal)}\n`;
}

/** What a snapshot must be, and where it was found. */
export interface Wanted {
  readonly path: string;
  readonly registry: string;
  readonly service: string;
  readonly maxAgeMs: number;
  /** Ms since 1970. */
  readonly now: number;
}

/** @throws {RookeryError} ROOKERY_SNAPSHOT_MALFORMED, ROOKERY_SNAPSHOT_FOREIGN, ROOKERY_SNAPSHOT_EXPIRED */
export async function decodeSnapshot(text: string, wanted: Wanted): Promise<ViewSnapshot> {
  const { path, service } = wanted;
  const lines = text.split('\n');
  const header = readHeader(lines[0] ?? '', path);
  await checkSeal(lines, path);
  const ageMs = checkHeader(header, wanted);
  const { route } = header;
  try {
    const instances = await readInstances(lines.slice(1, -2), service, path);
    return { instances, ageMs, ...(route && { route: parseRoute(JSON.stringify(route), path) }) };
  } catch (error) {
    throw malformed(path, messageOf(error), error);
  }
}

function readHeader(line: string, path: string): Partial<Header> {
  const header = asRecord(line);
  if (header?.['rookery'] !== 'snapshot') throw malformed(path, 'found a file that is no snapshot.');
  const { v } = header;
  if (v !== VERSION) throw malformed(path, `found version ${show(v)} of the format, where this one reads ${VERSION}.`);
  return header;
}

async function checkSeal(lines: readonly string[], path: string): Promise<void> {
  const seal: Partial<Seal> | undefined = lines.at(-1) === '' ? asRecord(lines.at(-2) ?? '') : undefined;
  if (!seal || lines.length < 3 || seal.instances !== lines.length - 3)
    throw malformed(path, 'found a file that was not written to its end.');
  const hash = createHash('sha256');
  for (let i = 0; i < lines.length - 2; i += CHUNK) {
    await otherWork();
    hash.update(`${lines.slice(i, Math.min(i + CHUNK, lines.length - 2)).join('\n')}\n`);
  }
  if (hash.digest('hex') !== seal.sha256) throw malformed(path, 'found a file that was changed after it was written.');
}

/** @returns its age, ms */
function checkHeader({ registry, service, savedAt }: Partial<Header>, wanted: Wanted): number {
  const { path, maxAgeMs } = wanted;
  if (registry !== wanted.registry) throw foreign(path, `found a snapshot of ${show(registry)}.`);
  if (service !== wanted.service) throw foreign(path, `found a snapshot of the service ${show(service)}.`);
  if (typeof savedAt !== 'number') throw malformed(path, `found ${show(savedAt)} for the time it was saved.`);
  const ageMs = wanted.now - savedAt;
  // One from the future says as little: a clock was wrong then, or is now.
  if (Math.abs(ageMs) <= maxAgeMs) return Math.max(0, ageMs);
  const seconds = Math.round(ageMs / 1000);
  throw expired(path, `found a snapshot that is ${seconds} s old, where maxAgeMs is ${maxAgeMs}.`);
}

async function readInstances(lines: readonly string[], service: string, path: string): Promise<ServiceInstance[]> {
  const instances: ServiceInstance[] = [];
  for (const [i, line] of lines.entries()) {
    if (i % CHUNK === 0) await otherWork();
    instances.push(readInstance(line, service, `${path}:${i + 2}`));
  }
  return instances;
}

function readInstance(line: string, service: string, place: string): ServiceInstance {
  const value = asRecord(line);
  const { id, address, generation, peer, secure } = value ?? {};
  if (!value || typeof id !== 'string' || value['service'] !== service)
    throw new TypeError(`${place} holds no instance.`);
  const own = {
    ...value,
    id,
    service,
    address: address as string,
    generation: typeof generation === 'string' ? generation : '',
    peer: Number.isInteger(peer) ? (peer as number) : 0,
    secure: secure === true,
  };
  return createInstance(own, place);
}

function asRecord(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function hashed(hash: Hash, text: string): string {
  hash.update(text);
  return text;
}
