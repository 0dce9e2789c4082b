/**
 * An instance of the fleet under faults as a process of its own: `FAULT_ETCD` says where its registry is, `FAULT_PREFIX`
 * under which keys. Prints `instance <id>`, and `listening <port>` once it is registered.
 */
import { etcd } from 'rookery/etcd';
import { createRecorder } from 'rookery/testing';
import { FaultInstance } from '../support/faults/instance.js';

const { FAULT_ETCD = '', FAULT_PREFIX = 'rookery', FAULT_TTL_MS = '20000' } = process.env;
const registry = etcd({ hosts: FAULT_ETCD, prefix: FAULT_PREFIX, ttlMs: Number(FAULT_TTL_MS) });
const instance = await FaultInstance.start(registry, createRecorder());
console.log(`instance ${instance.id}`);
console.log(`listening ${instance.proxy.host.split(':')[1]}`);
