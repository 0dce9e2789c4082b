import type { ITxnRequest, ITxnResponse } from 'etcd3';
import { reasonOf } from '../../core/errors.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { EtcdContext } from './context.js';
import { isShown, type Dialect } from './dialects/dialect.js';
import type { Entry, OperatorField } from '../entry/entry.js';
import type { Observation } from './own-watch.js';
import { absent, get, keyValue, leasedBy, put, remove, unchanged, type KeyValue } from './requests.js';
import { RestorePace } from '../entry/restore-pace.js';
import { adopt, checkSize, initial, leaving, type Wanted } from '../entry/wanted.js';

/** What stands in etcd, as far as we know. */
interface Standing {
  readonly key: string;
  readonly modRevision: number;
  readonly lease: string;
  readonly text: string;
  /** What a reader makes of it. */
  readonly instance: ServiceInstance;
}

/** What a write has come to. */
export interface Written {
  readonly key: string;
  /** As of which revision we know what stands at the key. */
  readonly revision: number;
  /** It is what we wrote. */
  readonly written: boolean;
}

/** One's own entry in one dialect: as it should stand, as it stands, and what to do about the difference. */
export class OwnEntry {
  wanted: Wanted;
  /** The revision of somebody else's value that stands where ours should. */
  holder: number | undefined;
  /** Why the entry is to be put back. */
  restoring: string | undefined;
  restoreDelayed = false;
  #standing: Standing | undefined;
  /** What is in the way of a first registration, which takes its key. */
  #inTheWay: { readonly key: string; readonly modRevision: number } | undefined;
  /** We have stood there once: from then on, somebody else's value is not overwritten. */
  #stood = false;
  /** Everything up to here is known. */
  #revision = 0;
  /** When we wrote last, ms. */
  #writtenAt = -Infinity;
  #edits: OperatorField[] = [];
  #attempted = false;
  /** Texts that we wrote without hearing whether etcd took them: they are not an operator's. */
  readonly #uncertain = new Set<string>();
  /** Keys that we wrote without hearing it, and want no more: something of ours may stand there. */
  readonly #strays = new Set<string>();
  readonly #pace: RestorePace;

  /** @param derived operators have their say in another entry of the instance: here, their edits are undone */
  constructor(
    private readonly context: EtcdContext,
    readonly dialect: Dialect,
    instance: ServiceInstance,
    private readonly derived: boolean,
  ) {
    this.wanted = this.check(initial(instance));
    this.#pace = new RestorePace(context.time, context.random);
  }

  /** Where it should stand, if it should. */
  get key(): string {
    return this.dialect.entryKey(this.wanted.instance);
  }

  /** Whether it should stand at all: not where clients could not leave it alone. */
  get isShown(): boolean {
    return isShown(this.dialect.traits, this.wanted.instance);
  }

  /** Where something of ours may be in etcd. */
  get places(): ReadonlySet<string> {
    if (!this.#attempted) return new Set();
    return new Set([this.#standing?.key ?? this.key, this.key, ...this.#strays]);
  }

  /** @throws {RookeryError} ROOKERY_METADATA_INVALID where it is too large */
  check(wanted: Wanted): Wanted {
    return checkSize(wanted, (all) => this.dialect.encode(all));
  }

  /** @throws {RookeryError} ROOKERY_METADATA_INVALID where it is too large */
  want(wanted: Wanted): void {
    const { key } = this;
    this.wanted = this.check(wanted);
    // Whoever holds the one key need not hold the other, nor one that we do not want.
    if (this.key !== key || !this.isShown) this.holder = undefined;
  }

  isDue(lease: string): boolean {
    if (this.holder !== undefined) return false;
    if (this.#stray !== undefined) return true;
    if (!this.isShown) return this.#standing !== undefined || this.#uncertain.size > 0;
    const { text, key, lease: current } = this.#standing ?? {};
    return text !== this.dialect.encode(this.wanted) || key !== this.key || current !== lease;
  }

  /** How long it is not to be written still, ms: nobody is fought at full speed, and nobody waits to be hidden. */
  delay(): number {
    return this.isShown ? this.#pace.delay(this) : 0;
  }

  /** It went with its lease: putting it back need not wait, nor is it held against anybody. */
  forgive(): void {
    this.forgetRestore();
    this.#pace.forgive();
  }

  forgetRestore(): void {
    this.restoring = undefined;
    this.restoreDelayed = false;
  }

  /** The fields that operators changed since the last time. */
  takeEdits(): OperatorField[] {
    return this.#edits.splice(0);
  }

  /**
   * Puts the entry where it should stand, moving it where its group changed. Compares with what we know, so that
   * nothing is overwritten unseen; where that fails, learns what stands there.
   */
  write(lease: string): Promise<Written> {
    const stray = this.#stray;
    if (stray !== undefined) return this.#sweep(stray, lease);
    return this.isShown ? this.#put(lease) : this.#withdraw(lease);
  }

  /** A key of `#strays` that is neither where the entry stands nor where it should. */
  get #stray(): string | undefined {
    return [...this.#strays].find((key) => key !== this.key && key !== this.#standing?.key);
  }

  async #sweep(stray: string, lease: string): Promise<Written> {
    await this.context.client.txn({ compare: [leasedBy(stray, lease)], success: [remove(stray)] });
    this.#strays.delete(stray);
    return { key: this.#standing?.key ?? this.key, revision: this.#revision, written: false };
  }

  async #put(lease: string): Promise<Written> {
    const { key } = this;
    const text = this.dialect.encode(this.wanted);
    const standing = this.#standing;
    const known = standing?.key === key ? standing : this.#inTheWay?.key === key ? this.#inTheWay : undefined;
    const old = standing && standing.key !== key ? standing : undefined;
    const answer = await this.#transact(key, text, {
      compare: [
        known ? unchanged(key, known.modRevision) : absent(key),
        ...(old ? [unchanged(old.key, old.modRevision)] : []),
      ],
      success: [put(key, text, lease), ...(old ? [remove(old.key)] : [])],
      failure: [get(key), ...(old ? [get(old.key)] : [])],
    });
    const revision = this.#revision;
    if (answer.succeeded) this.#wrote({ key, modRevision: revision, lease, text });
    else this.#conflict(answer, old, lease);
    return { key, revision, written: answer.succeeded };
  }

  /** Takes the entry away, where it can with a word before, so that readers of ours know that it was meant. */
  async #withdraw(lease: string): Promise<Written> {
    const standing = this.#standing;
    const key = standing?.key ?? this.key;
    const last = this.dialect.traits.room ? this.dialect.encode(leaving(this.wanted)) : undefined;
    const text = standing && standing.text !== last ? last : undefined;
    const answer = await this.#transact(key, text, {
      compare: [standing ? unchanged(key, standing.modRevision) : leasedBy(key, lease)],
      success: [text === undefined ? remove(key) : put(key, text, lease)],
      failure: [get(key)],
    });
    const found = answer.succeeded ? undefined : firstOf(answer);
    if (answer.succeeded && text !== undefined) this.#wrote({ key, modRevision: this.#revision, lease, text });
    else if (found && this.isOurs(found, lease)) this.#judge(found, lease);
    else this.#vanish();
    return { key, revision: this.#revision, written: answer.succeeded };
  }

  /** @param text what is written at the key, if anything is */
  async #transact(key: string, text: string | undefined, request: ITxnRequest): Promise<ITxnResponse> {
    this.#attempted = true;
    // Before the call: it is repeated at another host where one does not answer, and finds what it wrote itself.
    if (text !== undefined) this.#uncertain.add(text);
    this.#strays.add(key);
    const answer = await this.context.client.txn(request);
    this.#writtenAt = this.context.time.now();
    // Not the highest so far: an etcd that lost its data, or was restored, counts from lower on.
    this.#revision = Number(answer.header.revision);
    this.#strays.delete(key);
    return answer;
  }

  #wrote(standing: Omit<Standing, 'instance'>): void {
    this.#uncertain.clear();
    this.#stand({ ...standing, instance: this.#asRead(standing) ?? this.wanted.instance });
    this.forgetRestore();
  }

  #vanish(): void {
    this.#uncertain.clear();
    this.#standing = undefined;
    this.forgetRestore();
  }

  /** Takes note of what the watch tells, or finds; our own writes come back this way, too. */
  observe({ key, revision, found, lookedUp }: Observation, lease: string | undefined): void {
    if (key !== (this.#standing?.key ?? this.key)) return;
    // Where nothing should stand, what others put is their affair; a put of ours that comes late is not.
    if (!this.#standing && !this.isShown && !(found && this.isOurs(found, lease))) return;
    // Asked after our last write, etcd's answer counts as it is, also where it has lost its data and counts from lower on.
    if (lookedUp && lookedUp.askedAt > this.#writtenAt) {
      if (found && this.#isStanding(found)) return;
      this.#revision = lookedUp.asOf;
    } else {
      if (revision <= this.#revision) return;
      this.#revision = revision;
    }
    if (found) return this.#judge(found, lease);
    // What goes with its lease is the lease's affair.
    const deleted = lease !== undefined && this.#standing?.lease === lease;
    this.#standing = this.holder = undefined;
    if (deleted) this.#restoreFor('the key was deleted');
  }

  /**
   * Says whether what was found is ours: written by us, or by somebody who left our generation in it; or nobody's, since
   * whoever lives holds his key by a lease.
   */
  isOurs(found: KeyValue, lease: string | undefined): boolean {
    // Without room for it in the value, our generation is in the key.
    if (found.lease === '0' || !this.dialect.traits.room) return true;
    const entry = this.#read(found);
    if (entry && entry.instance.generation !== '') return !this.#isAnothers(entry);
    return found.lease === lease;
  }

  #isAnothers({ instance }: Entry): boolean {
    return instance.generation !== '' && instance.generation !== this.wanted.instance.generation;
  }

  #conflict(answer: ITxnResponse, old: Standing | undefined, lease: string): void {
    const [found, atOld] = answer.responses.map(({ response_range }) => response_range.kvs.map(keyValue)[0]);
    if (found && (!old || this.#uncertain.has(found.value.toString()))) return this.#judge(found, lease);
    // A move takes its target, whatever stands there; that the entry itself changed meanwhile comes first.
    this.#inTheWay = found;
    if (!old || !atOld) this.#standing = undefined;
    else if (atOld.modRevision !== old.modRevision) this.#judge(atOld, lease);
  }

  #judge(found: KeyValue, lease: string | undefined): void {
    this.#revision = Math.max(this.#revision, found.modRevision);
    const text = found.value.toString();
    const entry = this.#read(found);
    if (!this.isOurs(found, lease)) {
      this.#standing = undefined;
      if (this.#stood) this.holder = found.modRevision;
      else this.#inTheWay = found;
      return;
    }
    this.holder = undefined;
    const standing = this.#before;
    const isEdit = entry !== undefined && !this.#isAnothers(entry) && !this.#isOlder(found);
    if (!entry) this.#restoreFor(this.#faultOf(found));
    else if (this.#isAnothers(entry)) this.#restoreFor('the value of another process was written without a lease');
    else if (!isEdit) this.#restoreFor('etcd was restored from a backup');
    else if (!this.#uncertain.has(text)) this.#adopt(entry);
    if (found.lease !== lease && this.#standing?.lease === lease) this.#restoreFor('the lease was detached');
    const instance = isEdit ? entry.instance : standing;
    this.#stand({ key: found.key, modRevision: found.modRevision, lease: found.lease, text, instance });
  }

  #isStanding({ modRevision, value }: KeyValue): boolean {
    return modRevision === this.#standing?.modRevision && value.toString() === this.#standing.text;
  }

  /** What stood before what we know to have stood comes from a backup, and is nobody's edit. */
  #isOlder({ key, modRevision }: KeyValue): boolean {
    return this.#standing?.key === key && modRevision < this.#standing.modRevision;
  }

  #adopt(entry: Entry): void {
    const { wanted, fields, spoilt } = adopt(this.wanted, this.#before, entry);
    // Who hides the one entry that can be edited leaves nothing to be edited back.
    const isTaken = !this.derived && (isShown(this.dialect.traits, wanted.instance) || !this.isShown);
    this.wanted = isTaken ? wanted : { ...this.wanted, extra: wanted.extra };
    if (isTaken) this.#edits.push(...fields);
    const undone = isTaken ? spoilt : [...fields, ...spoilt];
    if (undone.length > 0) this.#restoreFor(`somebody changed: ${undone.join(', ')}`);
  }

  /** What a reader made of the entry before it changed. */
  get #before(): ServiceInstance {
    return this.#standing?.instance ?? this.wanted.instance;
  }

  #stand(standing: Standing): void {
    this.#standing = standing;
    this.#inTheWay = undefined;
    this.#stood = true;
    this.#revision = Math.max(this.#revision, standing.modRevision);
  }

  #restoreFor(reason: string): void {
    if (this.#stood) this.restoring ??= reason;
  }

  #faultOf({ key, value }: KeyValue): string {
    try {
      this.#decode(key, value);
      return 'the value was malformed';
    } catch (error) {
      return `the value was malformed (${reasonOf(error)})`;
    }
  }

  #asRead({ key, text }: { readonly key: string; readonly text: string }): ServiceInstance | undefined {
    return this.#read({ key, value: Buffer.from(text) })?.instance;
  }

  #read({ key, value }: Pick<KeyValue, 'key' | 'value'>): Entry | undefined {
    try {
      return this.#decode(key, value);
    } catch {
      return undefined;
    }
  }

  #decode(key: string, value: Buffer): Entry | undefined {
    const { service, id } = this.wanted.instance;
    return this.dialect.decode(key, service, id, value);
  }
}

function firstOf(answer: ITxnResponse): KeyValue | undefined {
  return answer.responses[0]?.response_range.kvs.map(keyValue)[0];
}
