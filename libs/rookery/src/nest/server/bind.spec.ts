import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bind } from './bind.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'rookery-bind-'))));
afterEach(() => rmSync(folder, { recursive: true }));

async function bound(url: string) {
  const { server, bound: place } = await bind(() => new Server(), url, ServerCredentials.createInsecure(), 'url');
  server.forceShutdown();
  return place;
}

describe('bind', () => {
  it.each(['unix:', 'unix://'])('takes a socket by %s and its path', async (scheme) => {
    expect(await bound(`${scheme}${folder}/s`)).toEqual({ path: `${folder}/s` });
  });

  it('says which port it was given', async () => {
    expect(await bound('127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: expect.any(Number) });
    expect(await bound('[::1]:0')).toEqual({ host: '::1', port: expect.any(Number) });
  });
});
