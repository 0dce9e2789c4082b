import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, makeGenericClientConstructor, Metadata, type ServiceError } from '@grpc/grpc-js';
import { createInstance, type Registration } from 'rookery/core';
import { channelOptions, createDirectory } from 'rookery/grpc';
import { memory } from 'rookery/registries';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LEDGER } from '../apps/ledger.js';
import { seeded } from '../support/seeded.js';

const CALLS = 10_000;
const CALLERS = 40;
const SERVERS = 4;
/** A server is killed after so many calls, about. */
const CALLS_PER_KILL = 400;

interface LedgerServer {
  readonly child: ChildProcess;
  readonly claim: Registration;
}

describe('servers that are killed at random', () => {
  let folder: string;
  const servers: LedgerServer[] = [];
  const registry = memory();
  let started = 0;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rookery-ledger-'));
  });

  afterEach(async () => {
    for (const { child } of servers.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    const id = `i${(started += 1)}`;
    const child = fork('dist/test/apps/ledger-server.js', [join(folder, id)], { execArgv: [] });
    const [port] = (await once(child, 'message')) as [number];
    servers.push({
      child,
      claim: registry.register(createInstance({ id, service: 's', address: `127.0.0.1:${port}` })),
    });
  }

  /** One is killed without a word, and the registry finds out when another has taken its place. */
  async function replace(random: () => number): Promise<void> {
    const [victim] = servers.splice(Math.floor(random() * servers.length), 1);
    victim!.child.kill('SIGKILL');
    await start();
    await victim!.claim[Symbol.asyncDispose]();
  }

  it('never run an unmarked call twice, and fail no call that is idempotent: 10 000 calls', async () => {
    const { seed, random } = seeded();
    console.log(`seed ${seed}`);
    await Promise.all(Array.from({ length: SERVERS }, start));
    const directory = createDirectory(registry);
    const Client = makeGenericClientConstructor(LEDGER, 'Ledger');
    const client = new Client('discovery:///s', credentials.createInsecure(), channelOptions(directory));
    const enter = client['Enter']!.bind(client) as (...args: unknown[]) => void;
    const call = (id: string, idempotent: boolean) =>
      new Promise<ServiceError | null>((resolve) => enter(id, new Metadata(), { idempotent }, resolve));

    const failed: Record<'idempotent' | 'plain', unknown[]> = { idempotent: [], plain: [] };
    let kills = 0;
    let replacing = Promise.resolve();
    let next = 0;
    const caller = async () => {
      while (next < CALLS) {
        const n = (next += 1);
        const kind = n % 2 === 0 ? 'idempotent' : 'plain';
        const error = await call(`${kind}-${n}`, kind === 'idempotent');
        if (error) failed[kind].push(error);
        if (next / CALLS_PER_KILL > kills + 1) {
          kills += 1;
          replacing = replacing.then(() => replace(random));
        }
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    await replacing;
    client.close();
    await directory[Symbol.asyncDispose]();

    const entries = new Map<string, number>();
    for (const name of await readdir(folder))
      for (const id of (await readFile(join(folder, name), 'utf8')).split('\n'))
        if (id !== '') entries.set(id, (entries.get(id) ?? 0) + 1);
    const twice = [...entries].filter(([id, times]) => times > 1 && id.startsWith('plain'));
    const again = [...entries].filter(([id, times]) => times > 1 && id.startsWith('idempotent'));
    console.log(
      `${kills} kills; plain calls failed: ${failed.plain.length}, run twice: ${twice.length}; ` +
        `idempotent calls failed: ${failed.idempotent.length}, run twice: ${again.length}`,
    );
    expect(twice, `seed ${seed}`).toEqual([]);
    expect(failed.idempotent, `seed ${seed}`).toEqual([]);
    // Else nothing was put to the test.
    expect(failed.plain.length).toBeGreaterThan(0);
    expect(again.length).toBeGreaterThan(0);
  }, 120_000);
});
