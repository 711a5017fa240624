import { describe, expect, it } from 'vitest';
import { hostKind, isLinkLocal, plainAddress } from './address.js';

describe('plainAddress', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::1', '::1'],
  ])('shows %s as %s', (address, plain) => {
    expect(plainAddress(address)).toBe(plain);
  });
});

describe('hostKind', () => {
  it.each([
    '192.0.2.1',
    '10.0.0.1',
    '169.254.3.4',
    '2001:db8::1',
    'fe80::1%eth0',
    'fd00::1',
    '::ffff:192.0.2.1',
  ])('takes %s as an address to dial', (host) => {
    expect(hostKind(host)).toBe('usable');
  });

  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    'localhost',
    'LOCALHOST.',
    'a.localhost',
  ])('takes %s as this machine alone', (host) => {
    expect(hostKind(host)).toBe('loopback');
  });

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '224.0.0.251',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '169.254.169.254',
    '169.254.170.2',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    'fd00:ec2::254',
    'fe80::1',
    'febf::1',
    '::127.0.0.1',
    '::7f00:1',
    '64:ff9b::127.0.0.1',
    '2002:7f00:1::1',
    'ff02::fb',
    'ff02::fb%eth0',
    '::127.0.0.1',
    '64:ff9b::169.254.169.254',
    '2002:7f00:1::1',
  ])('refuses %s, which is never one peer', (host) => {
    expect(hostKind(host)).toBe('unusable');
  });

  it.each(['169.254.0.0', '169.254.255.255', 'fe80::1', 'febf::1%eth0', '::ffff:169.254.3.4'])(
    'takes %s as link-local',
    (host) => {
      expect(isLinkLocal(host)).toBe(true);
    },
  );

  it.each(['169.253.255.255', '169.255.0.0', '2001:db8::1', 'fe7f::1', 'fec0::1', 'anna.local', ''])(
    'takes %j as not link-local',
    (host) => {
      expect(isLinkLocal(host)).toBe(false);
    },
  );

  it.each(['anna-laptop', 'anna.local', 'my_box.lan.', 'xn--bro-hoa.example', '3com.example', 'a'])(
    'takes %s as a name',
    (host) => {
      expect(hostKind(host)).toBe('name');
    },
  );

  it.each(['127.1', '2130706433', '0x7f.1', '0x7f000001', '127.0.0.1.', '256.0.0.1', '1.2.3.0x'])(
    'refuses %s, which a resolver could read as an address past the checks',
    (host) => {
      expect(hostKind(host)).toBe('unusable');
    },
  );

  it.each([
    '',
    ' ',
    'a b',
    'a..b',
    '-a',
    'a-',
    '.a',
    'a/b',
    'user@host',
    '[::1]',
    '192.0.2.1:80',
    '192.0.2.1%eth0',
    'fe80::1%\u001b[31m',
    'name\n',
    'b\u00fcro',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}a`,
  ])('refuses %j, which is no host', (host) => {
    expect(hostKind(host)).toBe('unusable');
  });
});
