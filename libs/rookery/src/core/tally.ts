/** What the calls and the connections of one endpoint came to: kept with the endpoint, so that it survives every update. */
export class Tally {
  /** Failures since something last went well. */
  inARow = 0;
  /** Ejections, less those that time has made good again: the next one takes longer for each. */
  ejections = 0;
  /** When it was last restored, or another process came to stand there; calls from before say nothing of it, monotonic ms. */
  since = -Infinity;
  /** Its connection has broken, or never was; whatever fails for want of it has one cause, and is one failure. */
  broken = true;
  /** Calls of this interval. */
  answered = 0;
  failed = 0;

  /** Another process stands there: nothing of the one before is known of it. */
  clear(now: number): void {
    this.inARow = this.ejections = this.answered = this.failed = 0;
    this.since = now;
  }
}
