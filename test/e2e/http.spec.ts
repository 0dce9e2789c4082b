import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { http } from 'rookery/registries';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startClient } from '../support/probe-client.js';
import { startProbe, stopProbes } from '../support/probe-server.js';

describe('a client over HTTP', () => {
  let server: Server;
  let list: readonly object[];
  let status: number;

  beforeEach(async () => {
    [list, status] = [[], 200];
    server = createServer((request, response) => {
      const known = request.url === '/instances?service=probe' ? list : [];
      response.writeHead(status).end(JSON.stringify(known));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await stopProbes();
    server.closeAllConnections();
    server.close();
  });

  const started = (name: string) => startProbe({ name, env: { ROOKERY_REGISTER: 'never' } });
  const client = () => {
    const { port } = server.address() as AddressInfo;
    return startClient(http(`http://127.0.0.1:${port}/instances?service=<service>`, { intervalMs: 50 }));
  };

  it('finds servers by weight and group, follows the list, and goes by the last one while there is none', async () => {
    const [a, b, c] = await Promise.all([started('a'), started('b'), started('c')]);
    const at = ({ port }: { readonly port: number }, more: object = {}) => ({ address: `127.0.0.1:${port}`, ...more });
    list = [at(a, { weight: 30 }), at(b, { weight: 10 }), at(c, { group: 'canary' })];
    await using under = await client();
    await under.sees(['a', 'b']);
    expect(await under.tally(400)).toEqual({ a: 300, b: 100 });
    expect(await under.tally(10, { group: 'canary' })).toEqual({ c: 10 });
    list = [at(a), at(b)];
    await eventually(async () => expect(await under.tally(10)).toEqual({ a: 5, b: 5 }));
    status = 500;
    expect(await under.tally(100)).toEqual({ a: 50, b: 50 });
    list = [at(b)];
    status = 200;
    await a.kill('SIGTERM');
    await eventually(async () => expect(await under.tally(20)).toEqual({ b: 20 }));
  });
});
