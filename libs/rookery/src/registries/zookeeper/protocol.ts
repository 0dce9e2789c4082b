import { JuteReader, JuteWriter } from './jute.js';

/** What is asked of ZooKeeper, by its number (zookeeper/ZooDefs.java, OpCode). */
export const OP = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  ping: 11,
  getChildren2: 12,
  multi: 14,
  removeWatches: 18,
  auth: 100,
  addWatch: 106,
  closeSession: -11,
} as const;

/** Numbers of frames that answer nothing we asked, or that have no number of their own. */
export const XID = { event: -1, ping: -2, auth: -4 } as const;

/** What happened at a path that is watched. */
export const EVENT = { created: 1, deleted: 2, changed: 3 } as const;

/** How ZooKeeper names its errors (KeeperException.java). */
const ERRORS: Readonly<Record<number, string>> = {
  [-2]: 'RuntimeInconsistency',
  [-4]: 'ConnectionLoss',
  [-5]: 'MarshallingError',
  [-6]: 'Unimplemented',
  [-7]: 'OperationTimeout',
  [-8]: 'BadArguments',
  [-101]: 'NoNode',
  [-102]: 'NoAuth',
  [-103]: 'BadVersion',
  [-108]: 'NoChildrenForEphemerals',
  [-110]: 'NodeExists',
  [-111]: 'NotEmpty',
  [-112]: 'SessionExpired',
  [-113]: 'InvalidCallback',
  [-114]: 'InvalidACL',
  [-115]: 'AuthFailed',
  [-118]: 'SessionMoved',
  [-119]: 'NotReadOnly',
  [-123]: 'Throttled',
  [-124]: 'SessionClosedRequireSASLAuth',
  [-125]: 'QuotaExceeded',
  [-127]: 'RequestTimeout',
};

/** ZooKeeper answered with an error. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  /** As ZooKeeper names it, such as `NoNode`. */
  readonly fault: string;

  constructor(code: number, path: string) {
    const fault = ERRORS[code] ?? `error ${code}`;
    super(`ZooKeeper answered ${fault}${path ? ` for ${path}` : ''}`);
    this.fault = fault;
  }
}

export function isFault(error: unknown, ...faults: readonly string[]): boolean {
  return error instanceof ZooKeeperError && faults.includes(error.fault);
}

/** What is known of a node beside its data. */
export interface Stat {
  /** The transactions that created it, and that wrote its data last: numbers that only grow. */
  readonly czxid: bigint;
  readonly mzxid: bigint;
  /** How often its data was written since it was created. */
  readonly version: number;
  /** The session that it goes with; 0 where it stays. */
  readonly owner: bigint;
}

export function readStat(reader: JuteReader): Stat {
  const [czxid, mzxid] = [reader.long(), reader.long()];
  reader.long();
  reader.long();
  const version = reader.int();
  reader.int();
  reader.int();
  const owner = reader.long();
  reader.int();
  reader.int();
  reader.long();
  return { czxid, mzxid, version, owner };
}

/** Who may do what with a node that we create. */
export interface Acl {
  readonly permissions: number;
  readonly scheme: string;
  readonly id: string;
}

const ALL = 31;
const READ = 1;
export const OPEN_ACL: readonly Acl[] = [{ permissions: ALL, scheme: 'world', id: 'anyone' }];
/** `auth` is whoever creates it. */
export const OWNED_ACL: readonly Acl[] = [
  { permissions: ALL, scheme: 'auth', id: '' },
  { permissions: READ, scheme: 'world', id: 'anyone' },
];

/** A step of a transaction. Without a version it does not matter which one stands there. */
export type Step =
  | { readonly op: 'create'; readonly path: string; readonly data: string; readonly ephemeral: boolean }
  | { readonly op: 'delete'; readonly path: string; readonly version?: number }
  | { readonly op: 'setData'; readonly path: string; readonly data: string; readonly version?: number };

const EPHEMERAL = 1;

export function writeStep(writer: JuteWriter, step: Step, acl: readonly Acl[]): JuteWriter {
  writer.text(step.path);
  if (step.op === 'delete') return writer.int(step.version ?? -1);
  writer.text(step.data);
  if (step.op === 'setData') return writer.int(step.version ?? -1);
  writer.int(acl.length);
  for (const { permissions, scheme, id } of acl) writer.int(permissions).text(scheme).text(id);
  return writer.int(step.ephemeral ? EPHEMERAL : 0);
}

/** Which session a connection is for; a session of id 0 is a new one. */
export interface SessionTicket {
  readonly id: bigint;
  readonly password: Buffer;
}

export const NEW_SESSION: SessionTicket = { id: 0n, password: Buffer.alloc(16) };

export function connectFrame(ticket: SessionTicket, timeoutMs: number, lastZxid: bigint): Buffer {
  const writer = new JuteWriter().int(0).long(lastZxid).int(timeoutMs).long(ticket.id).bytes(ticket.password);
  return writer.bool(false).frame();
}

export interface Welcome {
  readonly ticket: SessionTicket;
  /** As the server has set it, ms. */
  readonly timeoutMs: number;
}

/** The answer to `connectFrame`; none where the session has expired. */
export function readWelcome(frame: Buffer): Welcome | undefined {
  const reader = new JuteReader(frame);
  reader.int();
  const timeoutMs = reader.int();
  // A copy: the frame is a piece of a larger buffer.
  const ticket = { id: reader.long(), password: Buffer.from(reader.bytes()) };
  return timeoutMs > 0 ? { ticket, timeoutMs } : undefined;
}
