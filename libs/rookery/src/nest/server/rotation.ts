import { Logger } from '@nestjs/common';
import type { Directory } from '../../core/directory.js';
import type { Time } from '../../core/time.js';
import type { RegisterMode } from '../environment.js';
import { unavailable, untilAvailable } from './dependencies.js';
import { followHealth, type HealthCheck } from './health-check.js';
import type { ServerHealth } from './health.js';
import type { HostedServices } from './hosted-services.js';

/** Waiting longer than this for another service is worth a word, ms. */
const ABSENT_MS = 10_000;

export interface RotationOptions {
  /** Who it is, in the log. */
  readonly label: string;
  readonly mode: RegisterMode;
  readonly hosted: HostedServices;
  /** Absent where the server serves none of ours. */
  readonly health: ServerHealth | undefined;
  /** Services that must have an instance before it enters. */
  readonly dependsOn: readonly string[];
  /** Must pass before it enters; later it changes what `health` says. */
  readonly check: HealthCheck | undefined;
  readonly checkIntervalMs: number;
  readonly directory: Directory;
  readonly time: Time;
  /** It has handed its services to the registry. */
  readonly onPublished: () => void;
  /** It could not, after `start` had returned. */
  readonly onFailed: (error: unknown) => void;
}

/** Whether the services of one server take calls: what its registrations and its health tell the others. */
export class Rotation {
  readonly #logger = new Logger('Rookery');
  readonly #ended = new AbortController();
  /** The server listens and the application has started. */
  #serving = false;
  /** Meant to be in rotation: by its mode, or by the user's word. */
  #wanted: boolean;
  /** By the user's word, which waits for nothing. */
  #insisted = false;
  #open: boolean;
  #healthy: boolean;
  #problem: string | undefined;

  constructor(private readonly options: RotationOptions) {
    this.#wanted = options.mode !== 'manual';
    this.#open = options.dependsOn.length === 0;
    this.#healthy = options.check === undefined;
  }

  /** What the health check says against it, if anything. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * The server listens and the application has started: it enters by itself once everything that it waits for is there.
   * @throws what the registry throws, such as ROOKERY_REGISTRY_CLOSED
   */
  start(): void {
    if (this.#serving || this.#ended.signal.aborted) return;
    this.#serving = true;
    if (!this.#open) this.#awaitDependencies().catch(this.options.onFailed);
    if (!this.#healthy) this.#followHealth().catch(this.options.onFailed);
    this.#proceed();
  }

  /** By the user's word: whatever it waits for, but not before the server listens and the application has started. */
  enter(): void {
    if (this.options.mode === 'never') return;
    this.#wanted = true;
    this.#insisted = true;
    this.#open = true;
    this.#proceed();
  }

  /** By the user's word; the server goes on serving the calls that still come. */
  async leave(): Promise<void> {
    this.#wanted = this.options.mode === 'never';
    this.#insisted = false;
    this.#tell();
    await this.options.hosted.withdraw();
  }

  /** For good. What is registered stays to be withdrawn. */
  end(): void {
    this.#ended.abort();
    this.options.hosted.draining = true;
    this.options.health?.stop();
  }

  /** Enters where nothing stands against it any more. */
  #proceed(): void {
    if (this.#ended.signal.aborted) return;
    if (this.#isDue() && this.options.hosted.publish()) this.options.onPublished();
    this.#tell();
  }

  #isDue(): boolean {
    const ready = this.#insisted || (this.#open && this.#healthy);
    return this.options.mode !== 'never' && this.#serving && this.#wanted && ready;
  }

  #tell(): void {
    const inRotation = this.#serving && this.#wanted && this.#open && this.#healthy;
    this.options.health?.update({ serving: this.#serving, inRotation });
  }

  async #awaitDependencies(): Promise<void> {
    const { label, directory, dependsOn, time } = this.options;
    const warning = time.after(ABSENT_MS, () => {
      this.#logger.warn(
        `ROOKERY_DEPENDENCY_ABSENT at rookeryGrpc.dependsOn: ${label} waits for ${unavailable(directory, dependsOn).join(', ')}, which has no instance, and is not registered before. ` +
          'Start it; services that depend on each other never start.',
      );
    });
    this.#logger.log(`${label} waits for ${dependsOn.join(', ')} before it is registered`);
    await untilAvailable(directory, dependsOn, this.#ended.signal);
    warning[Symbol.dispose]();
    this.#open = true;
    this.#proceed();
  }

  #followHealth(): Promise<void> {
    const { label, mode, check, checkIntervalMs: intervalMs, hosted, time } = this.options;
    const waits = () => (mode === 'auto' && !hosted.published ? '; it is not registered until it is' : '');
    return followHealth({
      check: check!,
      intervalMs,
      time,
      signal: this.#ended.signal,
      onChange: (problem) => {
        if (problem !== undefined) this.#logger.warn(`${label} is not healthy: ${problem}${waits()}`);
        else if (hosted.published) this.#logger.log(`${label} is healthy again`);
        this.#healthy = problem === undefined;
        this.#problem = problem;
        this.#proceed();
      },
    });
  }
}
