import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { Rookery, type RookeryHealth } from '../nest/rookery.js';

/** What is shown of an application's Rookery: no addresses, and the registry's URL without secrets. */
export type RookeryHealthDetails = Omit<RookeryHealth, 'status'>;

/**
 * `Rookery.check()` for `@nestjs/terminus`: list it among the providers of the module of the health controller.
 * Terminus answers 200 for `up` and `degraded`, and 503 for `down`.
 */
@Injectable()
export class RookeryHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly health: HealthIndicatorService,
    @Inject(Rookery) private readonly rookery: Rookery,
  ) {}

  /**
   * For `health.check([() => rookery.isHealthy()])`. Asks nobody: it says what is known, and never throws.
   * @param key under which Terminus shows it; default `rookery`
   */
  isHealthy<Key extends string = 'rookery'>(key: Key = 'rookery' as Key): RookeryHealthResult<Key> {
    const { status, ...details } = this.rookery.check();
    const indicator = this.health.check(key);
    if (status === 'up') return indicator.up(details);
    return status === 'degraded' ? indicator.degraded(details) : indicator.down(details);
  }
}

type RookeryHealthResult<Key extends string> = HealthIndicatorResult<
  Key,
  RookeryHealth['status'],
  RookeryHealthDetails
>;
