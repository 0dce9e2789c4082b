import type { Registration } from '../../core/registration.js';
import type { HelloResponse } from '../../grpc/peer.js';
import type { RegisterMode } from '../environment.js';
import type { HostedServices } from './hosted-services.js';
import { stopped } from './lifecycle-errors.js';
import { Publication } from './publication.js';
import type { Rotation } from './rotation.js';

/** What there is of a server once it listens. */
export interface ServerParts {
  readonly hosted: HostedServices;
  readonly rotation: Rotation;
}

/** What the life cycle keeps of one server, from its making to its end. */
export class HostedServer {
  readonly publication = new Publication();
  #parts: ServerParts | undefined;
  /** Whether the user wants it registered, where the user has said so. */
  #word: boolean | undefined;
  #end: { readonly error: unknown; readonly failed: boolean } | undefined;

  constructor(
    private readonly url: string,
    private readonly mode: RegisterMode,
  ) {}

  /** Absent before it listens. */
  get parts(): ServerParts | undefined {
    return this.#parts;
  }

  /** Nobody has told it to listen. */
  get idle(): boolean {
    return this.#parts === undefined && this.#end === undefined;
  }

  get registrations(): readonly Registration[] {
    return this.#parts?.hosted.registrations ?? [];
  }

  /** It should be registered: by itself, or by the user's word. */
  get wanted(): boolean {
    return this.mode !== 'never' && (this.#word ?? this.mode === 'auto');
  }

  /** What should be registered and is not, though the server listens, or has failed to. */
  get unregistered(): readonly string[] {
    if (!this.wanted || this.registrations.length > 0) return [];
    if (this.#end) return this.#end.failed ? [this.url] : [];
    return this.#parts?.hosted.names ?? [];
  }

  /** Who answers there; absent before it listens. */
  hello(): HelloResponse | undefined {
    return this.#parts?.hosted.hello();
  }

  /** It listens. */
  start(parts: ServerParts): void {
    this.#parts = parts;
    if (this.#word === true) parts.rotation.enter();
    if (this.#word === false) void parts.rotation.leave();
  }

  /** By the user's word; takes effect once the server listens and the application has started. */
  async register(): Promise<void> {
    if (this.mode === 'never') return;
    if (this.#end) throw this.#end.error;
    this.#word = true;
    this.#parts?.rotation.enter();
    await this.#parts?.hosted.registered();
  }

  /** By the user's word; it goes on serving. */
  async deregister(): Promise<void> {
    this.#word = false;
    await this.#parts?.rotation.leave();
  }

  /** Resolves when the registry has accepted it; rejects with why it never will. */
  async registered(): Promise<void> {
    await this.publication.done();
    await this.#parts?.hosted.registered();
  }

  /** It must not serve, or cannot. */
  async fail(error: unknown): Promise<void> {
    this.#end ??= { error, failed: true };
    this.publication.fail(error);
    this.#parts?.rotation.end();
    await this.#parts?.hosted.withdraw();
  }

  /** It takes no registration from now on; what is registered stays to be withdrawn. */
  stop(): void {
    this.#end ??= { error: stopped(this.url, 'has stopped, and registers no more'), failed: false };
    this.publication.fail(stopped(this.url, 'was stopped before the registry had accepted it'));
  }
}
