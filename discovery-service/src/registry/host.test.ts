import { describe, expect, it } from 'vitest';
import { HttpProblem } from '../problem.js';
import { callerAddress, hostToList } from './host.js';

describe('callerAddress', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['127.0.0.1', '127.0.0.1'],
  ])('shows %s as %s', (remote, shown) => {
    expect(callerAddress(remote)).toBe(shown);
  });
});

describe('hostToList', () => {
  it.each([undefined, '', '0.0.0.0', '::'])("lists the caller's address for %j", (host) => {
    expect(hostToList(host, '192.0.2.5')).toBe('192.0.2.5');
  });

  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['Box.LAN', 'box.lan'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
  ])('lists %s as %s', (host, listed) => {
    expect(hostToList(host, '192.0.2.5')).toBe(listed);
  });

  it('lists a loopback host for this machine alone', () => {
    expect(hostToList('127.0.0.1', '127.0.0.1')).toBe('127.0.0.1');
    expect(hostToList('localhost', '::1')).toBe('localhost');
    expect(() => hostToList('127.0.0.1', '192.0.2.5')).toThrow(HttpProblem);
    expect(() => hostToList('localhost', '192.0.2.5')).toThrow(/HOST must not be a loopback/);
  });

  it.each(['224.0.0.1', '255.255.255.255', '169.254.169.254', 'ff02::1', '127.1', 'a b', '\u001b[31m'])(
    'refuses %j even from this machine',
    (host) => {
      expect(() => hostToList(host, '127.0.0.1')).toThrow(/HOST must be/);
    },
  );
});
