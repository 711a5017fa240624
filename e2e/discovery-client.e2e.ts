import { SystemClock } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { DiscoverySink, Sighting } from '../chat-node/src/core/ports/peer-discovery.js';
import { HttpRegistryDiscovery } from '../chat-node/src/discovery/http-registry.discovery.js';
import { waitFor, World } from './support/processes.js';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Someone who is found by the services at these URLs. */
class Person implements DiscoverySink {
  seen: readonly Sighting[] = [];
  readonly discovery: HttpRegistryDiscovery;

  constructor(
    readonly name: string,
    url: string,
    private readonly port: number,
  ) {
    const keys = testKeys(name);
    this.discovery = new HttpRegistryDiscovery({
      url,
      keys,
      clock: new SystemClock(),
      random: Math.random,
      logger: silent,
    });
  }

  start(): this {
    this.discovery.start(
      { user: this.name, port: this.port, host: '', instance: `instance of ${this.name}` },
      this,
    );
    return this;
  }
  replace(_source: string, sightings: readonly Sighting[]): void {
    this.seen = sightings;
  }
  get names(): string[] {
    return this.seen.map(({ user }) => user).sort();
  }
  get state(): string {
    return this.discovery.health()[0]!.state;
  }
}

describe('registry client and discovery service', () => {
  const world = new World();
  const people: Person[] = [];
  afterEach(async () => {
    await Promise.all(people.splice(0).map(({ discovery }) => discovery.stop(AbortSignal.timeout(2_000))));
    await world.close();
  });
  const person = (name: string, url: string, port: number): Person => {
    const one = new Person(name, url, port).start();
    people.push(one);
    return one;
  };
  const sees = (one: Person, ...names: string[]): Promise<true> =>
    waitFor(`${one.name} to see ${names.join(', ') || 'nobody'}`, () => {
      one.discovery.refresh();
      return one.names.join() === names.join();
    }).then(() => true);

  it('learn of newcomers and of who leaves as it happens, with renewals that carry no list', async () => {
    const service = await world.discovery();
    const anna = person('Anna', service.url, 7781);
    await waitFor('the registration', () => anna.state === 'ok');
    const shown = (names: string): Promise<unknown> =>
      // Well before the next renewal, which comes after 8 s at the earliest.
      waitFor(`Anna to see ${names}`, () => anna.names.join() === names, 2_000);
    const ben = person('Ben', service.url, 7782);
    await shown('Ben');
    const cleo = person('Cleo', service.url, 7783);
    await shown('Ben,Cleo');
    await ben.discovery.stop(AbortSignal.timeout(2_000));
    await shown('Cleo');
    await cleo.discovery.stop(AbortSignal.timeout(2_000));
    await shown('');
  });

  it('find each other, see who leaves and who is gone, and live through a restart of the service', async () => {
    const env = { DISCOVERY_LEASE_SECONDS: '4', DISCOVERY_REQUIRE_SIGNED: 'on' };
    const service = await world.discovery({ env });
    const anna = person('Anna', service.url, 7781);
    const ben = person('Ben', service.url, 7782);
    await sees(anna, 'Ben');
    await sees(ben, 'Anna');
    expect(anna.seen[0]!.addresses[0]!.port).toBe(7782);

    // Only the renewals keep Ben: a lease is over in 4 s.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(anna.names).toEqual(['Ben']);

    await ben.discovery.stop(AbortSignal.timeout(2_000));
    await sees(anna);

    ben.start();
    await sees(anna, 'Ben');
    await service.kill();
    await waitFor('the failure to show', () => {
      anna.discovery.refresh();
      return anna.state === 'failing';
    });
    expect(anna.names).toEqual(['Ben']);

    await world.discovery({ port: service.port, env });
    await waitFor('both to be back', () => {
      anna.discovery.refresh();
      ben.discovery.refresh();
      return anna.state === 'ok' && ben.state === 'ok';
    });
    await sees(anna, 'Ben');
    await sees(ben, 'Anna');
  });
});
