import { reasonOf } from '../../core/errors.js';
import type { ServiceInstance } from '../../core/instance.js';
import { decodeEntry, encodeEntry, type Entry, type OperatorField } from '../entry/entry.js';
import { adopt, checkSize, initial, type Wanted } from '../entry/wanted.js';
import type { Connection } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import { isFault, type Step } from './protocol.js';
import { look, makeParents, transact, type Found } from './requests.js';

/** What stands in ZooKeeper, as far as we know. */
interface Standing {
  readonly path: string;
  readonly mzxid: bigint;
  readonly version: number;
  /** The session that it goes with; 0 where it goes with none. */
  readonly owner: bigint;
  readonly text: string;
  readonly instance: ServiceInstance;
}

/** One's own entry: as it should stand, as it stands, and what to do about the difference. */
export class OwnEntry {
  wanted: Wanted;
  /** Somebody else's entry stands where ours should. */
  held = false;
  /** Why the entry is to be put back. */
  restoring: string | undefined;
  restoreDelayed = false;
  #standing: Standing | undefined;
  /** What is in the way of a first registration, or of a move, which take their path. */
  #inTheWay: Found | undefined;
  /** We have stood there once: from then on, somebody else's entry is not overwritten. */
  #stood = false;
  #edits: OperatorField[] = [];
  #attempted = false;
  /** Texts that we wrote without hearing whether ZooKeeper took them: they are not an operator's. */
  readonly #uncertain = new Set<string>();
  /** Where something of ours may stand, as we wrote there without hearing whether ZooKeeper took it. */
  readonly #doubted = new Set<string>();
  /** What was found there of our session, while the entry stands elsewhere. */
  #ghosts: readonly Found[] = [];

  constructor(
    private readonly context: ZooKeeperContext,
    instance: ServiceInstance,
  ) {
    this.wanted = checkSize(initial(instance), encodeEntry);
  }

  /** Where it should stand. */
  get path(): string {
    return this.context.layout.entryPath(this.wanted.instance);
  }

  /** What has to be looked at: where it stands, where it should, and where it may. */
  get watched(): ReadonlySet<string> {
    return new Set([...this.#homes, ...this.#doubted]);
  }

  /** Where something of ours may be in ZooKeeper. */
  get places(): ReadonlySet<string> {
    return this.#attempted ? this.watched : new Set();
  }

  get #homes(): ReadonlySet<string> {
    return new Set([this.#standing?.path ?? this.path, this.path]);
  }

  /** @throws {RookeryError} ROOKERY_METADATA_INVALID where it is too large */
  want(wanted: Wanted): void {
    const { path } = this;
    this.wanted = checkSize(wanted, encodeEntry);
    // Whoever holds the one path need not hold the other.
    if (this.path !== path) this.held = false;
  }

  isDue(session: bigint): boolean {
    if (this.held) return false;
    if (this.#ghosts.length > 0) return true;
    const { text, path, owner } = this.#standing ?? {};
    return text !== encodeEntry(this.wanted) || path !== this.path || owner !== session;
  }

  forgetRestore(): void {
    this.restoring = undefined;
    this.restoreDelayed = false;
  }

  /** The fields that operators changed since the last time. */
  takeEdits(): OperatorField[] {
    return this.#edits.splice(0);
  }

  /** Learns what stands there, and has ZooKeeper say when that is over. */
  async look(connection: Connection): Promise<void> {
    const { id } = connection.ticket;
    const homes = this.#homes;
    const paths = [...new Set([...homes, ...this.#doubted])];
    const found = await Promise.all(paths.map((path) => look(connection, path)));
    const doubtful = found.filter((one) => one?.owner === id && this.#doubted.has(one.path)) as Found[];
    for (const [i, path] of paths.entries()) if (homes.has(path)) this.#observe(path, found[i], id, doubtful);
    this.#ghosts = doubtful.filter(({ path }) => path !== this.#standing?.path);
    // Once a later write was answered, ZooKeeper shows what became of the earlier ones.
    if (this.#uncertain.size > 0) return;
    this.#doubted.clear();
    for (const { path } of this.#ghosts) this.#doubted.add(path);
  }

  /**
   * Puts the entry where it should stand, moving it where its group changed. Names the version that we know of all it
   * replaces, so that nothing is overwritten unseen.
   * @returns whether it was written; where not, somebody else has been there, and it has to be looked at again
   */
  async write(connection: Connection): Promise<boolean> {
    const { path, wanted } = this;
    const { acl } = this.context;
    const text = encodeEntry(wanted);
    const owner = connection.ticket.id;
    this.#attempted = true;
    this.#uncertain.add(text);
    this.#doubted.add(path);
    try {
      const { zxid, version } = await transact(connection, this.#steps(path, text, owner), acl);
      this.#uncertain.clear();
      this.#ghosts = [];
      this.#stand({ path, mzxid: zxid, version, owner, text, instance: wanted.instance });
      this.forgetRestore();
      return true;
    } catch (error) {
      if (isFault(error, 'NoNode')) await makeParents(connection, path, acl);
      else if (!isFault(error, 'NodeExists', 'BadVersion')) throw error;
      return false;
    }
  }

  #steps(path: string, text: string, session: bigint): Step[] {
    const standing = this.#standing;
    const stays = standing?.path === path && standing.owner === session;
    const inTheWay = standing?.path !== path && this.#inTheWay?.path === path ? this.#inTheWay : undefined;
    // What goes with another session, or with none, cannot be made to go with ours.
    const gone = [stays ? undefined : standing, inTheWay, ...this.#ghosts].filter((one) => one !== undefined);
    const versions = new Map(gone.map((one) => [one.path, one.version]));
    const removals = [...versions].map(([from, version]): Step => ({ op: 'delete', path: from, version }));
    const last: Step = stays
      ? { op: 'setData', path, data: text, version: standing.version }
      : { op: 'create', path, data: text, ephemeral: true };
    return [...removals, last];
  }

  #observe(path: string, found: Found | undefined, session: bigint, doubtful: readonly Found[]): void {
    const standing = this.#standing;
    if (path !== (standing?.path ?? path)) {
      this.#inTheWay = found;
      return;
    }
    if (found) {
      const known = found.mzxid === standing?.mzxid && found.owner === standing.owner;
      if (!known) this.#judge(found, session);
      return;
    }
    // What goes with its session is the session's affair, and what is found elsewhere was moved by a write of ours.
    if (standing?.owner === session && doubtful.length === 0) this.#restoreFor('the entry was deleted');
    this.#standing = this.#inTheWay = undefined;
    this.held = false;
  }

  /**
   * Says whether what was found is ours: written by us, or by somebody who left our generation in it; or nobody's, since
   * whoever lives holds his path by a session.
   */
  isOurs(found: Found, session: bigint): boolean {
    if (found.owner === 0n) return true;
    const entry = this.#decode(found);
    if (entry && entry.instance.generation !== '') return !this.#isAnothers(entry);
    return found.owner === session;
  }

  #isAnothers({ instance }: Entry): boolean {
    return instance.generation !== '' && instance.generation !== this.wanted.instance.generation;
  }

  #judge(found: Found, session: bigint): void {
    const text = found.data.toString();
    const entry = this.#decode(found);
    if (!this.isOurs(found, session)) {
      this.#standing = undefined;
      if (this.#stood) this.held = true;
      else this.#inTheWay = found;
      return;
    }
    this.held = false;
    const { path, mzxid, version, owner } = found;
    const standing = this.#standing?.instance ?? this.wanted.instance;
    const isEdit = entry !== undefined && !this.#isAnothers(entry) && !this.#isOlder(found);
    if (!entry) this.#restoreFor(this.#faultOf(found));
    else if (this.#isAnothers(entry)) this.#restoreFor('the value of another process was written without a session');
    else if (!isEdit) this.#restoreFor('ZooKeeper was restored from a backup');
    else if (!this.#uncertain.has(text)) this.#adopt(entry);
    if (owner !== session && this.#standing?.owner === session)
      this.#restoreFor('the entry was replaced by one without its session');
    this.#stand({ path, mzxid, version, owner, text, instance: isEdit ? entry.instance : standing });
  }

  /** What stood before what we know to have stood comes from a backup, and is nobody's edit. */
  #isOlder({ path, mzxid }: Found): boolean {
    return this.#standing?.path === path && mzxid < this.#standing.mzxid;
  }

  #adopt(entry: Entry): void {
    const { wanted, fields, spoilt } = adopt(this.wanted, this.#standing?.instance ?? this.wanted.instance, entry);
    this.wanted = wanted;
    this.#edits.push(...fields);
    if (spoilt.length > 0) this.#restoreFor(`somebody changed: ${spoilt.join(', ')}`);
  }

  #stand(standing: Standing): void {
    this.#standing = standing;
    this.#inTheWay = undefined;
    this.#stood = true;
  }

  #restoreFor(reason: string): void {
    if (this.#stood) this.restoring ??= reason;
  }

  #faultOf({ path, data }: Found): string {
    const { service, id } = this.wanted.instance;
    try {
      decodeEntry(path, service, id, data);
      return 'the value was malformed';
    } catch (error) {
      return `the value was malformed (${reasonOf(error)})`;
    }
  }

  #decode({ path, data }: Found): Entry | undefined {
    const { service, id } = this.wanted.instance;
    try {
      return decodeEntry(path, service, id, data);
    } catch {
      return undefined;
    }
  }
}
