import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { RegisterService } from 'rookery';
import { concatMap, from, type Observable } from 'rxjs';
import type { Answer, Question } from './contracts.js';

let connections = 0;
let calls = 0;
subscribe('net.server.socket', () => (connections += 1));

/** Says who answers; registers under the service of the server that hosts it. */
@Controller()
@RegisterService()
export class ProbeController {
  @GrpcMethod('Probe', 'Ask')
  async ask({ delayMs }: Required<Question>): Promise<Answer> {
    const answer = this.#answer();
    if (delayMs > 0) await sleep(delayMs);
    return answer;
  }

  @GrpcMethod('Other', 'Ask')
  askOther(question: Required<Question>): Promise<Answer> {
    return this.ask(question);
  }

  @GrpcMethod('Probe', 'Follow')
  follow({ delayMs, count }: Required<Question>): Observable<Answer> {
    const each = async () => {
      await sleep(delayMs);
      return this.#answer();
    };
    return from(Array.from({ length: count })).pipe(concatMap(each));
  }

  #answer(): Answer {
    calls += 1;
    return { name: process.env['PROBE_NAME'] ?? '', pid: process.pid, connections, calls };
  }
}
