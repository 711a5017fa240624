import { randomUUID } from 'node:crypto';
import { SystemClock } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import mongoose from 'mongoose';
import { describe, expect, it, vi } from 'vitest';
import { leaseRegistryContract } from '../lease-registry.contract.js';
import { SharedLeaseRegistry } from '../shared-lease-registry.js';
import {
  CuttableStore,
  sharedLeaseRegistryContract,
  type SharedPlace,
  silent,
} from '../shared-lease-registry.contract.js';
import { isConnectionString, MongoLeaseStore } from './mongo-lease-store.js';

// A connection string without a database name: each test makes its own.
const server = process.env['MONGODB_URI_TEST'];
const TIMEOUT_MS = 20_000;

function newDatabase(): string {
  return `${server?.replace(/\/$/, '')}/p2p-chat-test-${randomUUID()}`;
}

async function dropDatabase(uri: string): Promise<void> {
  const connection = await mongoose.createConnection(uri).asPromise();
  await connection.dropDatabase();
  await connection.close();
}

// The leases go by a clock that is wound by hand, the exchange by the database's own pace.
function open(
  uri: string,
  clock: ManualClock,
  options: { leaseMs: number; capacity?: number },
): { registry: SharedLeaseRegistry; line: CuttableStore } {
  const line = new CuttableStore(new MongoLeaseStore(uri));
  const storeClock = new SystemClock();
  const registry = new SharedLeaseRegistry(clock, {
    ...options,
    store: line,
    storeClock,
    logger: silent,
    random: Math.random,
  });
  return { registry, line };
}

const until = (condition: () => boolean): Promise<void> =>
  vi.waitUntil(condition, { timeout: TIMEOUT_MS, interval: 10 }).then(() => undefined);

function createPlace(): SharedPlace {
  const uri = newDatabase();
  const clock = new ManualClock();
  return {
    clock,
    replica: (leaseMs) => open(uri, clock, { leaseMs }),
    until,
    dispose: () => dropDatabase(uri),
  };
}

describe('isConnectionString', () => {
  it('tells what the driver takes', () => {
    expect(isConnectionString('mongodb://db1.example,db2.example/discovery?replicaSet=a')).toBe(true);
    expect(isConnectionString('mongodb://db.example:none/discovery')).toBe(false);
    expect(isConnectionString('mongodb://db.example/?nothing=1')).toBe(false);
  });
});

describe.skipIf(server === undefined)(
  'a registry on MongoDB (set MONGODB_URI_TEST to run these)',
  { timeout: 2 * TIMEOUT_MS },
  () => {
    leaseRegistryContract(async (clock, options) => {
      const uri = newDatabase();
      const { registry, line } = open(uri, clock, options);
      const close = registry.close.bind(registry);
      registry.close = async () => {
        await close();
        await line.close();
        await dropDatabase(uri);
      };
      await until(() => registry.storeHealth().state === 'ok');
      return registry;
    });
    sharedLeaseRegistryContract(createPlace);
  },
);
