import { eventually } from 'rookery/testing';
import { expect } from 'vitest';
import type { Service } from './interop-stage.js';
import type { Report } from './report.js';

interface Server {
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** What clients of both sides can do. */
export interface Client {
  ask(options?: { readonly n?: number; readonly ms?: number }): Promise<Report>;
  follow(options: { readonly n?: number; readonly ms?: number; readonly count: number }): Promise<Report>;
  load(): Promise<void>;
  unload(): Promise<Report>;
}

/** Who serves and who calls. */
export interface Sides {
  readonly title: string;
  readonly server: (service: Service, name: string) => Promise<Server>;
  readonly client: (service: Service) => Promise<Client>;
}

export const NEST_TO_GO: Sides = {
  title: 'a Nest client of servers in Go',
  server: (service, name) => service.goServer(name),
  client: (service) => service.nestClient(),
};

export const GO_TO_NEST: Sides = {
  title: 'a client in Go of Nest servers',
  server: (service, name) => service.nestServer(name),
  client: (service) => service.goClient(),
};

/** The baseline: what the framework does by itself. */
export const GO_TO_GO: Sides = { ...GO_TO_NEST, title: 'a client in Go of servers in Go', server: NEST_TO_GO.server };

/** Resolves when exactly these answer, and no call fails any more. */
export async function sees(client: Client, names: readonly string[], timeoutMs = 20_000): Promise<void> {
  await eventually(
    async () => {
      const { tally, failed } = await client.ask({ n: names.length * 10 });
      expect(failed).toEqual({});
      expect(Object.keys(tally).toSorted()).toEqual(names.toSorted());
    },
    { timeoutMs },
  );
}
