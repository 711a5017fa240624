import type { DiscoverySourceView } from '@p2p-chat/shared';
import { encodeTxt, type FoundService } from '@p2p-chat/shared/dns-sd';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { PeerDiscovery } from '../core/ports/peer-discovery.js';
import { FoundRegistries, type RegistrySource } from './found-registries.js';

class FakeRegistry extends PeerDiscovery implements RegistrySource {
  registryId: string | null = null;
  state: DiscoverySourceView['state'] = 'off';
  /** How it was stopped: whether it had time to withdraw. */
  withdrew: boolean | null = null;
  constructor(readonly url: string) {
    super();
  }
  start(): void {
    this.state = 'ok';
  }
  stop(signal: AbortSignal): Promise<void> {
    this.withdrew = !signal.aborted;
    this.state = 'off';
    return Promise.resolve();
  }
  health(): DiscoverySourceView[] {
    return [{ source: this.url, state: this.state, detail: '' }];
  }
  announce(): Promise<void> {
    return Promise.resolve();
  }
  refresh(): void {
    // Nothing to ask.
  }
}

describe('FoundRegistries', () => {
  let clock: ManualClock;
  let made: FakeRegistry[];
  let configured: FakeRegistry;
  let found: FoundRegistries;
  let replaced: string[];
  beforeEach(() => {
    clock = new ManualClock();
    made = [];
    replaced = [];
    configured = new FakeRegistry('http://server.example:7777');
    found = new FoundRegistries({
      configured: [{ url: configured.url, source: configured }],
      make: (url) => {
        const one = new FakeRegistry(url);
        made.push(one);
        return one;
      },
      clock,
    });
    found.start(
      { user: 'Anna', port: 7780, host: '', instance: 'i' },
      { replace: (source) => replaced.push(source) },
    );
  });

  const hear = async (id: string, address: string, port = 7777): Promise<void> => {
    const service: FoundService = { type: 't', label: 'l', port, txt: encodeTxt({ id }), address };
    found.heard(service);
    await clock.advance(1_000);
  };
  const used = (): string[] => found.health().map(({ source, state }) => `${source} ${state}`);

  it('uses what it hears of, once', async () => {
    await hear('a', '192.0.2.1');
    await hear('a', '192.0.2.1');
    await hear('a', '198.51.100.1');
    await hear('b', '192.0.2.2', 7000);
    expect(used()).toEqual(['http://192.0.2.1:7777 ok', 'http://192.0.2.2:7000 ok']);
    await found.stop(new AbortController().signal);
    expect(made.map(({ withdrew }) => withdrew)).toEqual([true, true]);
    await hear('c', '192.0.2.3');
    expect(used()).toEqual([]);
  });

  it('leaves out a service that the settings name, at whatever address', async () => {
    configured.registryId = 'a';
    await hear('a', '192.0.2.1');
    expect(made).toEqual([]);
    await hear('b', '192.0.2.2');
    configured.registryId = 'b';
    await hear('b', '192.0.2.2');
    expect([used(), made[0]!.withdrew, replaced]).toEqual([[], false, ['http://192.0.2.2:7777']]);
  });

  it('waits for a service of the settings to say which it is', async () => {
    const service = { type: 't', label: 'l', port: 7777, txt: encodeTxt({ id: 'a' }), address: '192.0.2.1' };
    found.heard(service);
    configured.registryId = 'a';
    await clock.advance(1_000);
    expect([used(), made[0]!.state]).toEqual([[], 'off']);
  });

  it('goes to another address of a service where the first one fails', async () => {
    await hear('a', '192.0.2.1');
    made[0]!.state = 'failing';
    await hear('a', '198.51.100.1');
    expect(used()).toEqual(['http://198.51.100.1:7777 ok']);
  });

  it('forgets a service that is silent and does not answer, and keeps one that answers', async () => {
    await hear('a', '192.0.2.1');
    await hear('b', '192.0.2.2');
    found.gone({ address: '192.0.2.1' });
    found.gone({ address: '192.0.2.2' });
    made[0]!.state = 'failing';
    expect(used()).toEqual(['http://192.0.2.2:7777 ok']);
    expect(replaced).toEqual(['http://192.0.2.1:7777']);
    await hear('b', '192.0.2.2');
    made[1]!.state = 'failing';
    expect(used()).toEqual(['http://192.0.2.2:7777 failing']);
  });

  it('takes no host that is not one, and no more services than the limit', async () => {
    await hear('', '192.0.2.1');
    await hear('a', '127.0.0.1');
    await hear('a', '224.0.0.1');
    expect(used()).toEqual([]);
    for (let n = 1; n <= 20; n += 1) await hear(`s${n}`, `192.0.2.${n}`);
    expect(used()).toHaveLength(8);
    made[3]!.state = 'failing';
    await hear('last', '192.0.2.99');
    expect(used()).toContain('http://192.0.2.99:7777 ok');
    expect(used()).toHaveLength(8);
  });
});
