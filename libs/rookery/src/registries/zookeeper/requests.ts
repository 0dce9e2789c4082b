import type { Connection, Reply } from './connection.js';
import type { JuteReader, JuteWriter } from './jute.js';
import { isFault, OP, readStat, writeStep, ZooKeeperError, type Acl, type Stat, type Step } from './protocol.js';

/** What stands at a path. */
export interface Found extends Stat {
  readonly path: string;
  readonly data: Buffer;
}

/** ZooKeeper's number of the mode: every change of the path and of what is under it, until it is taken away. */
const PERSISTENT_RECURSIVE = 1;
const ANY_WATCHER = 3;
/** A step that was not the one that failed: the transaction was undone, or not done, for another one. */
const NOT_THIS_ONE = -2;

/** What stands there; none where nothing does. */
export async function getData(connection: Connection, path: string, watch = false): Promise<Found | undefined> {
  const reply = await unlessAbsent(connection.request(OP.getData, path, (writer) => writer.text(path).bool(watch)));
  if (!reply) return undefined;
  const data = reply.body.bytes();
  return { path, data, ...readStat(reply.body) };
}

/** What stands at a path, and a single event once that is true no longer. */
export async function look(connection: Connection, path: string): Promise<Found | undefined> {
  for (;;) {
    // Asked together: the second one watches where there is nothing to read.
    const exists = connection.request(OP.exists, path, (writer) => writer.text(path).bool(true));
    const [found, there] = await Promise.all([getData(connection, path, true), unlessAbsent(exists)]);
    if (found || !there) return found;
  }
}

/** The names under a path; none where there is nothing. */
export async function getChildren(connection: Connection, path: string): Promise<readonly string[]> {
  const reply = await unlessAbsent(
    connection.request(OP.getChildren2, path, (writer) => writer.text(path).bool(false)),
  );
  return reply ? reply.body.list(() => reply.body.text()) : [];
}

/** Tells of everything at and under a path, also where there is nothing yet. ZooKeeper 3.6. */
export async function addWatch(connection: Connection, path: string): Promise<void> {
  await connection.request(OP.addWatch, path, (writer) => writer.text(path).int(PERSISTENT_RECURSIVE));
}

export async function removeWatch(connection: Connection, path: string): Promise<void> {
  await connection.request(OP.removeWatches, path, (writer) => writer.text(path).int(ANY_WATCHER));
}

/** What a step did: the version that its data has now. */
export interface Written {
  readonly zxid: bigint;
  readonly version: number;
}

/**
 * Does all of it, or nothing.
 * @returns the last step's
 * @throws {ZooKeeperError} of the step that cannot be done
 */
export async function transact(connection: Connection, steps: readonly Step[], acl: readonly Acl[]): Promise<Written> {
  const write = (writer: JuteWriter) => {
    for (const step of steps) writeStep(writer.int(OP[step.op]).bool(false).int(-1), step, acl);
    writer.int(-1).bool(true).int(-1);
  };
  const { zxid, body } = await connection.request(OP.multi, steps.at(-1)?.path ?? '', write);
  return { zxid, version: readResults(body, steps) };
}

function readResults(body: JuteReader, steps: readonly Step[]): number {
  let version = 0;
  for (const { path } of steps) {
    const type = body.int();
    body.bool();
    body.int();
    if (type === -1) {
      const code = body.int();
      if (code !== 0 && code !== NOT_THIS_ONE) throw new ZooKeeperError(code, path);
    }
    if (type === OP.create) body.text();
    version = type === OP.setData ? readStat(body).version : 0;
  }
  return version;
}

/** Makes what is missing of the path above. Those who make it at the same time do not mind each other. */
export async function makeParents(connection: Connection, path: string, acl: readonly Acl[]): Promise<void> {
  const parts = path.split('/').slice(1, -1);
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const parent = `/${parts.slice(0, depth).join('/')}`;
    if (await unlessAbsent(connection.request(OP.exists, parent, (writer) => writer.text(parent).bool(false))))
      continue;
    try {
      await transact(connection, [{ op: 'create', path: parent, data: '', ephemeral: false }], acl);
    } catch (error) {
      if (!isFault(error, 'NodeExists')) throw error;
    }
  }
}

async function unlessAbsent(asked: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isFault(error, 'NoNode')) return undefined;
    throw error;
  }
}
