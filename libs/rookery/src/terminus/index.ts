/** The health of an application's Rookery as an indicator of `@nestjs/terminus`. */
export { RookeryHealthIndicator } from './rookery-health.indicator.js';
