import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { diagnose, expectFailure, statesOf } from './support/doctor.js';
import { Lan, type LanDaemon, sees } from './support/lan.js';
import { waitFor } from './support/processes.js';

const run = promisify(execFile);
const PORT = '7780';

describe('doctor on a network', () => {
  let lan: Lan;
  beforeAll(async () => {
    lan = await Lan.open(2);
    return () => lan.close();
  });
  const cleanUp: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of cleanUp.splice(0)) await step();
    await lan.world.close();
    for (const host of lan.hosts) await host.dropNothing();
  });

  const anna = (env: Record<string, string> = {}): Promise<LanDaemon> =>
    lan.hosts[0]!.daemon({ user: 'Anna', env });
  const ben = (): Promise<LanDaemon> => lan.hosts[1]!.daemon({ user: 'Ben' });

  it('finds all well where it is, with the own announcement heard', async () => {
    const [one] = await Promise.all([anna(), ben()]);
    await sees(one, ['Ben']);
    const found = await diagnose(one.daemon, 'Ben');
    expect(found.verdict).toEqual({ ok: true, sentence: 'All is well: Ben can be reached.', failed: null });
    expect(statesOf(found, 'multicast-heard')).toEqual(['ok']);
    expect(found.hops.find(({ hop }) => hop === 'gateway-address')).toMatchObject({
      subject: '10.77.0.1:7780',
      state: 'ok',
    });
  });

  it("names a firewall of the peer's: one that drops, one that rejects, one that forbids", async () => {
    const rule = ['INPUT', '-p', 'tcp', '--dport', PORT, '-j'];
    await lan.hosts[1]!.exec('iptables', '-A', ...rule, 'DROP');
    const [one] = await Promise.all([anna(), ben()]);
    await sees(one, ['Ben']);
    for (const [target, sentence, advice] of [
      [['DROP'], /^Nothing answers at 10\.77\.0\.2:7780 \(ETIMEDOUT\)/, /a firewall drops what is sent/],
      [
        ['REJECT', '--reject-with', 'tcp-reset'],
        /^The connection is refused at 10\.77\.0\.2:7780 \(ECONNREFUSED\)/,
        /a firewall rejects it/,
      ],
      [
        ['REJECT', '--reject-with', 'icmp-host-prohibited'],
        /^There is no way to 10\.77\.0\.2:7780 \(EHOSTUNREACH\)/,
        /both machines are connected to the same network/,
      ],
    ] as const) {
      await lan.hosts[1]!.dropNothing();
      await lan.hosts[1]!.exec('iptables', '-A', ...rule, ...target);
      const found = await diagnose(one.daemon, 'Ben');
      expectFailure(found, 'peer-connect', sentence, advice);
      expect(statesOf(found, 'peer-tls')).toEqual(['skipped']);
    }
    await lan.hosts[1]!.dropNothing();
    expect((await diagnose(one.daemon, 'Ben')).status).toBe(0);
  });

  it('names a firewall of the own machine before the own port', async () => {
    await lan.hosts[0]!.drop('INPUT', '-p', 'tcp', '--dport', PORT, '-d', '10.77.0.1');
    const found = await diagnose((await anna()).daemon);
    expectFailure(
      found,
      'gateway-address',
      /^This node does not reach itself at 10\.77\.0\.1:7780/,
      /let TCP port 7780 pass the firewall of this machine/,
    );
    expect(statesOf(found, 'gateway')).toEqual(['ok']);
  });

  it('names multicast that does not go out, and multicast that does not come in', async () => {
    const one = await anna();
    await lan.hosts[0]!.drop('OUTPUT', '-d', '224.0.0.0/4');
    expectFailure(
      await diagnose(one.daemon),
      'multicast-sent',
      /^Multicast cannot be sent on eth0 \(EPERM\)/,
      /UDP port 5353 .* DISCOVERY_URLS/,
    );
    await lan.hosts[0]!.dropNothing();
    await lan.hosts[0]!.drop('INPUT', '-d', '224.0.0.0/4');
    expectFailure(
      await diagnose(one.daemon),
      'multicast-heard',
      /^Multicast is not heard on eth0/,
      /UDP port 5353 .* DISCOVERY_URLS/,
    );
  });

  it('names a neighbour who is ignored because of a netmask', async () => {
    const host = lan.hosts[1]!;
    const { address } = host;
    cleanUp.push(() => host.moveTo(address));
    await host.moveTo('10.78.0.2');
    const [one] = await Promise.all([anna(), ben()]);
    const found = await waitFor('the neighbour', async () => {
      const now = await diagnose(one.daemon);
      return now.verdict.ok ? null : now;
    });
    expectFailure(
      found,
      'multicast-heard',
      /^10\.78\.0\.2 is heard and ignored: it is in none of the networks of this machine/,
      /the same netmask: it is 10\.77\.0\.1\/24 on eth0 here/,
    );
  });

  it('names a program that holds the port of multicast alone', async () => {
    const [command = '', ...args] = lan.hosts[0]!.launcher;
    const holds = `require('node:dgram').createSocket('udp4').bind(5353, () => console.log('bound'))`;
    const holder = spawn(command, [...args, process.execPath, '-e', holds], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanUp.push(() => {
      holder.kill();
      return once(holder, 'exit');
    });
    await once(holder.stdout, 'data');
    const one = await anna();
    expectFailure(
      await diagnose(one.daemon),
      'multicast-sent',
      /^Another program holds UDP port 5353 .* on eth0\.$/,
      /ss -ulpn .* DISCOVERY_URLS/,
    );
  });

  it('names a way that loses large packets, to either side, by which no link comes about', async () => {
    const [one] = await Promise.all([anna(), ben()]);
    await sees(one, ['Ben']);
    for (const host of lan.hosts) {
      await host.drop('OUTPUT', '-o', 'eth0', '-m', 'length', '--length', '1000:');
      expectFailure(
        await diagnose(one.daemon, 'Ben'),
        'peer-tls',
        /^Small packets reach 10\.77\.0\.2:7780 and come back, and large ones are lost/,
        /smaller MTU on both machines/,
      );
      await host.dropNothing();
    }
    expect((await diagnose(one.daemon, 'Ben')).status).toBe(0);
  });

  it('names that there is no network', async () => {
    const one = await anna();
    await lan.hosts[0]!.exec('ip', 'link', 'set', 'eth0', 'down');
    cleanUp.push(async () => {
      await lan.hosts[0]!.exec('ip', 'link', 'set', 'eth0', 'up');
      await lan.hosts[0]!.exec('ip', 'route', 'replace', 'default', 'dev', 'eth0');
    });
    expectFailure(
      await diagnose(one.daemon),
      'interface',
      /no network interface to look for people on/,
      /P2P_CHAT_INTERFACES/,
    );
  });

  it('uses no interface of containers or tunnels, unless it is chosen, and hears itself on that', async () => {
    const host = lan.hosts[0]!;
    const ip = (...args: string[]): Promise<string> => host.exec('ip', ...args);
    for (const [name, address, far] of [
      ['docker0', '172.17.0.1/16', 'veth0'],
      ['wg0', '10.8.0.1/24', 'veth1'],
    ] as const) {
      await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', far);
      cleanUp.push(() => ip('link', 'del', name));
      await ip('link', 'set', far, 'up');
      await ip('link', 'set', name, 'up');
      await ip('address', 'add', address, 'dev', name);
    }
    const heard = async (env: Record<string, string>): Promise<string[]> => {
      const { daemon } = await anna(env);
      const { hops } = await diagnose(daemon);
      await daemon.stop();
      return hops
        .filter(({ hop }) => hop === 'multicast-heard')
        .map(({ subject, state }) => `${subject} ${state}`)
        .sort();
    };
    expect(await heard({})).toEqual(['eth0 ok']);
    expect(await heard({ P2P_CHAT_INTERFACES: 'docker0,wg*' })).toEqual(['docker0 ok', 'wg0 ok']);
    expect(await heard({ P2P_CHAT_INTERFACES: 'nosuch' })).toEqual([]);
  });

  it('names a discovery service whose packets go nowhere', async () => {
    const one = await anna({ DISCOVERY_URLS: 'http://10.77.0.2:7777' });
    await lan.hosts[1]!.drop('INPUT', '-p', 'tcp', '--dport', '7777');
    expectFailure(
      await diagnose(one.daemon),
      'registry-connect',
      /^The discovery service at http:\/\/10\.77\.0\.2:7777 does not answer \(ETIMEDOUT\)/,
      /let its port pass the firewalls/,
    );
  });

  it('names a disk that is full', async () => {
    const home = join(await lan.world.folder('disk'), 'home');
    await mkdir(home);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', home]);
    cleanUp.push(() => run('umount', ['--lazy', home]));
    const one = await lan.hosts[0]!.daemon({ user: 'Anna', home });
    expect((await diagnose(one.daemon)).verdict).toMatchObject({ ok: true });
    const { bavail, bsize } = await statfs(home);
    await writeFile(join(home, 'filler'), Buffer.alloc(bavail * bsize));
    expectFailure(
      await diagnose(one.daemon),
      'profile',
      /^No space is left for .* \(ENOSPC\)\.$/,
      /P2P_CHAT_HOME/,
    );
    await one.daemon.stop();
  });
});
