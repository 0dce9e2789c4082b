import { defineService, type ServiceRef } from 'rookery';

/** Of `test/interop/proto/interop.proto`, which programs in Go serve and call, too. */
export interface Question {
  readonly text?: string;
  readonly delayMs?: number;
  readonly count?: number;
}

export interface Answer {
  readonly name: string;
  readonly pid: number;
  readonly text: string;
  readonly index: number;
}

export interface Interop {
  ask(question: Question): Promise<Answer>;
  follow(question: Question): AsyncIterable<Answer>;
}

const protoPath = 'test/interop/proto/interop.proto';

/** The contract under any service name. */
export function interop(name: string): ServiceRef<{ Interop: Interop }> {
  return defineService<{ Interop: Interop }>({ name, package: 'interop', protoPath });
}
