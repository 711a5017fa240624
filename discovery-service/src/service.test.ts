import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { type ProblemDetails } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Parts } from './app.module.js';
import { readConfig } from './config.js';
import { type RunningService, startService, StartError } from './lifecycle.js';
import { RateLimiter } from './rate-limiter.js';
import { MemoryLeaseRegistry } from './registry/memory-lease-registry.js';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

describe('the service', () => {
  let service: RunningService;
  afterEach(() => service.stop());

  function parts(more: Partial<Parts> = {}): Parts {
    const config = readConfig({ DISCOVERY_HOST: '127.0.0.1', DISCOVERY_PORT: '0' });
    return { config, clock: new ManualClock(), logger: silent, ...more };
  }
  const put = (user: string, port = 7000): Promise<Response> =>
    fetch(`http://127.0.0.1:${service.port}/`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ HOST: '', PORT: port, USER: user }),
    });

  it('answers 429 with Retry-After to an address that asks too much, until the window is over', async () => {
    const clock = new ManualClock();
    const limits = { requests: 2, windowMs: 10_000, loopback: true };
    service = await startService(parts({ clock }), new RateLimiter(clock, limits));
    expect((await put('Anna')).status).toBe(200);
    expect((await put('Anna')).status).toBe(200);
    const refused = await put('Anna');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10']);
    expect(await refused.json()).toMatchObject({ code: 'too-many-requests', status: 429 });
    await clock.advance(10_000);
    expect((await put('Anna')).status).toBe(200);
  });

  it('reads a body after a byte order mark, and none that is compressed', async () => {
    service = await startService(parts());
    const send = (headers: Record<string, string>): Promise<Response> =>
      fetch(`http://127.0.0.1:${service.port}/`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', ...headers },
        body: '\ufeff{"PORT":7000,"USER":"Anna"}',
      });
    expect((await send({})).status).toBe(200);
    expect((await send({ 'content-encoding': 'identity' })).status).toBe(200);
    const refused = await send({ 'content-encoding': 'gzip' });
    expect([refused.status, refused.headers.get('accept-encoding')]).toEqual([415, 'identity']);
    expect(await refused.json()).toMatchObject({ code: 'content-encoding-unsupported' });
  });

  it('answers 503 with Retry-After where the list is full', async () => {
    const clock = new ManualClock();
    const registry = new MemoryLeaseRegistry(clock, { leaseMs: 30_000, capacity: 1 });
    service = await startService(parts({ clock, registry }));
    expect((await put('Anna', 7000)).status).toBe(200);
    const refused = await put('Ben', 7001);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
    expect(await refused.json()).toMatchObject({ code: 'registry-full' });
    expect((await put('Anna', 7000)).status).toBe(200);
    await clock.advance(30_000);
    expect((await put('Ben', 7001)).status).toBe(200);
  });

  it('says nothing of what went wrong inside, and logs it', async () => {
    const clock = new ManualClock();
    const registry = new MemoryLeaseRegistry(clock, { leaseMs: 30_000 });
    vi.spyOn(registry, 'register').mockImplementation(() => {
      throw new Error('secret detail');
    });
    const error = vi.fn();
    service = await startService(parts({ clock, registry, logger: { ...silent, error } }));
    const response = await put('Anna');
    const text = await response.text();
    expect(response.status).toBe(500);
    expect((JSON.parse(text) as ProblemDetails).code).toBe('internal-error');
    expect(text).not.toMatch(/secret|Error:|\.ts|\.js/);
    expect(error).toHaveBeenCalledWith(
      expect.objectContaining({ err: expect.objectContaining({ message: 'secret detail' }) as unknown }),
      'request failed',
    );
  });

  it('looks at the body of a renewal only once', async () => {
    const clock = new ManualClock();
    const registry = new MemoryLeaseRegistry(clock, { leaseMs: 30_000 });
    const register = vi.spyOn(registry, 'register');
    service = await startService(parts({ clock, registry }));
    for (let i = 0; i < 5; i++) {
      expect(await (await put('Anna')).json()).toHaveLength(1);
      await clock.advance(20_000);
    }
    expect(register).toHaveBeenCalledTimes(1);
  });

  it('stops with connections open that say nothing, and with a request that never ends', async () => {
    service = await startService(parts());
    const idle = connect(service.port, '127.0.0.1');
    const half = httpRequest({
      port: service.port,
      host: '127.0.0.1',
      method: 'PUT',
      headers: { 'content-length': 100 },
    });
    half.on('error', () => undefined);
    half.write('{');
    const closed = new Promise((resolve) => idle.once('close', resolve).on('error', () => undefined));
    await Promise.all([
      new Promise((resolve) => idle.once('connect', resolve)),
      new Promise((resolve) => half.once('socket', (socket) => socket.once('connect', resolve))),
    ]);
    const began = performance.now();
    await service.stop();
    await closed;
    expect(performance.now() - began).toBeLessThan(1_000);
    half.destroy();
  });

  it('says what to do where it cannot listen', async () => {
    service = await startService(parts());
    const config = readConfig({ DISCOVERY_HOST: '127.0.0.1', DISCOVERY_PORT: String(service.port) });
    const second = startService(parts({ config }));
    await expect(second).rejects.toThrow(StartError);
    await expect(second).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${service.port}: port ${service.port} is taken`,
    );
    const elsewhere = startService(parts({ config: { ...config, host: '192.0.2.250' } }));
    await expect(elsewhere).rejects.toThrow(/no address of this machine/);
  });
});
