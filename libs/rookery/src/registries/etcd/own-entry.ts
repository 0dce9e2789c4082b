import type { ITxnRequest, ITxnResponse } from 'etcd3';
import { reasonOf } from '../../core/errors.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { EtcdContext } from './context.js';
import { decodeEntry, encodeEntry, type Entry, type OperatorField } from './entry.js';
import type { Observation } from './own-watch.js';
import { absent, get, keyValue, put, remove, unchanged, type KeyValue } from './requests.js';
import { adopt, checkSize, initial, type Wanted } from './wanted.js';

/** What stands in etcd, as far as we know. */
interface Standing {
  readonly key: string;
  readonly modRevision: number;
  readonly lease: string;
  readonly text: string;
  readonly instance: ServiceInstance;
}

/** One's own entry: as it should stand, as it stands, and what to do about the difference. */
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

  constructor(
    private readonly context: EtcdContext,
    instance: ServiceInstance,
  ) {
    this.wanted = checkSize(initial(instance));
  }

  /** Where it should stand. */
  get key(): string {
    return this.context.layout.entryKey(this.wanted.instance);
  }

  /** Where it would stand if it had a group, or had none. */
  get twin(): string {
    const { key } = this;
    return this.context.layout.twin(this.wanted.instance.service, key) ?? key;
  }

  /** Where something of ours may be in etcd. */
  get places(): ReadonlySet<string> {
    if (!this.#attempted) return new Set();
    return new Set([this.#standing?.key ?? this.key, this.key]);
  }

  /** @throws {RookeryError} ROOKERY_METADATA_INVALID where it is too large */
  want(wanted: Wanted): void {
    const { key } = this;
    this.wanted = checkSize(wanted);
    // Whoever holds the one key need not hold the other.
    if (this.key !== key) this.holder = undefined;
  }

  isDue(lease: string): boolean {
    if (this.holder !== undefined) return false;
    const { text, key, lease: current } = this.#standing ?? {};
    return text !== encodeEntry(this.wanted) || key !== this.key || current !== lease;
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
   * @returns as of which revision we know what stands there, and whether it is what we wrote
   */
  async write(lease: string): Promise<{ readonly revision: number; readonly written: boolean }> {
    const { key, wanted } = this;
    const text = encodeEntry(wanted);
    const standing = this.#standing;
    const known = standing?.key === key ? standing : this.#inTheWay?.key === key ? this.#inTheWay : undefined;
    const old = standing && standing.key !== key ? standing : undefined;
    const answer = await this.#transact(text, {
      compare: [
        known ? unchanged(key, known.modRevision) : absent(key),
        ...(old ? [unchanged(old.key, old.modRevision)] : []),
      ],
      success: [put(key, text, lease), ...(old ? [remove(old.key)] : [])],
      failure: [get(key), ...(old ? [get(old.key)] : [])],
    });
    const revision = Number(answer.header.revision);
    this.#writtenAt = this.context.time.now();
    // Not the highest so far: an etcd that lost its data, or was restored, counts from lower on.
    this.#revision = revision;
    if (answer.succeeded) {
      this.#uncertain.clear();
      this.#stand({ key, modRevision: revision, lease, text, instance: wanted.instance });
      this.forgetRestore();
    } else this.#conflict(answer, old, lease);
    return { revision, written: answer.succeeded };
  }

  #transact(text: string, request: ITxnRequest): Promise<ITxnResponse> {
    this.#attempted = true;
    // Before the call: it is repeated at another host where one does not answer, and finds what it wrote itself.
    this.#uncertain.add(text);
    return this.context.client.txn(request);
  }

  /** Takes note of what the watch tells, or finds; our own writes come back this way, too. */
  observe({ key, revision, found, lookedUp }: Observation, lease: string | undefined): void {
    if (key !== (this.#standing?.key ?? this.key)) return;
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
    if (found.lease === '0') return true;
    const entry = this.#decode(found);
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
    const entry = this.#decode(found);
    if (!this.isOurs(found, lease)) {
      this.#standing = undefined;
      if (this.#stood) this.holder = found.modRevision;
      else this.#inTheWay = found;
      return;
    }
    this.holder = undefined;
    const standing = this.#standing?.instance ?? this.wanted.instance;
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
    const { wanted, fields, spoilt } = adopt(this.wanted, this.#standing?.instance ?? this.wanted.instance, entry);
    this.wanted = wanted;
    this.#edits.push(...fields);
    if (spoilt.length > 0) this.#restoreFor(`somebody changed: ${spoilt.join(', ')}`);
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
    const { service, id } = this.wanted.instance;
    try {
      decodeEntry(key, service, id, value);
      return 'the value was malformed';
    } catch (error) {
      return `the value was malformed (${reasonOf(error)})`;
    }
  }

  #decode({ key, value }: KeyValue): Entry | undefined {
    const { service, id } = this.wanted.instance;
    try {
      return decodeEntry(key, service, id, value);
    } catch {
      return undefined;
    }
  }
}
