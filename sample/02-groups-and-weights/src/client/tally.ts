import { Injectable } from '@nestjs/common';
import { InjectService, isCallError, type AsyncClient, type CallOptions } from 'rookery';
import { Greeters, type Greeter } from '../contracts.js';

/** Who answered how many calls. */
export type Answers = Readonly<Record<string, number>>;

@Injectable()
export class Tally {
  constructor(@InjectService(Greeters, 'Greeter') private readonly greeter: AsyncClient<Greeter>) {}

  /** Calls one after the other; a call that cannot be served counts under its reason. */
  async of(calls: number, options: CallOptions = {}): Promise<Answers> {
    const answers: Record<string, number> = {};
    for (let i = 0; i < calls; i += 1) {
      const by = await this.#hello(options);
      answers[by] = (answers[by] ?? 0) + 1;
    }
    return answers;
  }

  /** Resolves when every one of them has answered: a new instance takes calls once its connection stands. */
  async meet(names: readonly string[]): Promise<void> {
    const missing = new Set(names);
    while (missing.size > 0) missing.delete(await this.#hello({ group: '*', waitForReady: true }));
  }

  async #hello(options: CallOptions): Promise<string> {
    try {
      return (await this.greeter.hello({}, options)).by;
    } catch (error) {
      if (isCallError(error) && error.reason) return error.reason;
      throw error;
    }
  }
}
