import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { environment, etcdProgram, restoreSnapshot, runEtcdctl } from './etcd-tools.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the programs of etcd', () => {
  it('are those that the environment names', async () => {
    vi.stubEnv('ETCD_BIN', '/opt/etcd');
    vi.stubEnv('ETCDCTL_BIN', '/usr/bin/env');
    expect(etcdProgram()).toBe('/opt/etcd');
    expect(await runEtcdctl([], { ETCDCTL_ENDPOINTS: 'http://h:1' })).toContain('ETCDCTL_ENDPOINTS=http://h:1');
  });

  it('are not told what is meant for another etcd', () => {
    vi.stubEnv('ETCD_NAME', 'theirs');
    vi.stubEnv('ETCDCTL_USER', 'theirs');
    expect(Object.keys(environment()).filter((name) => /^ETCD(CTL)?_(NAME|USER)/.test(name))).toEqual([]);
  });

  it('say what is missing where etcdctl restores nothing and says so to nobody', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rookery-restore-'));
    vi.stubEnv('PATH', '/nowhere');
    vi.stubEnv('ETCDUTL_BIN', undefined);
    vi.stubEnv('ETCDCTL_BIN', '/usr/bin/true');
    await expect(restoreSnapshot('backup', folder, [])).rejects.toThrow('ETCDUTL_BIN');
    await rm(folder, { recursive: true });
  });
});
