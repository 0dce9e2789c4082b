import { defineService, type ServiceRef } from 'rookery';

export interface Question {
  delayMs?: number;
  count?: number;
}

export interface Answer {
  name: string;
  pid: number;
  connections: number;
  calls: number;
}

export interface Probe {
  ask(question: Question): Promise<Answer>;
  follow(question: Question): AsyncIterable<Answer>;
}

const protoPath = 'test/apps/proto/probe.proto';

/** The probe under any service name. */
export function probe(name: string): ServiceRef<{ Probe: Probe }> {
  return defineService<{ Probe: Probe }>({ name, package: 'probe', protoPath });
}
