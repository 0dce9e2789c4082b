import { startEtcd } from 'rookery/testing';
import { expect, it } from 'vitest';

it('runs the specs of faults and of etcd on an etcd of 3.6 or newer', async () => {
  await using etcd = await startEtcd();
  const { etcdserver } = (await (await fetch(`http://${etcd.host}/version`)).json()) as { etcdserver: string };
  const [major = 0, minor = 0] = etcdserver.split('.').map(Number);
  expect(major * 100 + minor, etcdserver).toBeGreaterThanOrEqual(306);
});
