import { SettingError } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { readConfig } from './config.js';

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toEqual({
      host: '0.0.0.0',
      port: 7777,
      leaseSeconds: 30,
      requireSigned: false,
      store: { kind: 'memory' },
      mdns: true,
      logLevel: 'info',
    });
  });

  it('takes every setting', () => {
    const env = {
      DISCOVERY_HOST: '::1',
      DISCOVERY_PORT: '0',
      DISCOVERY_LEASE_SECONDS: '3600',
      DISCOVERY_REQUIRE_SIGNED: 'ON',
      DISCOVERY_STORE: 'memory',
      DISCOVERY_MDNS: 'OFF',
      LOG_LEVEL: 'debug',
    };
    expect(readConfig(env)).toEqual({
      host: '::1',
      port: 0,
      leaseSeconds: 3600,
      requireSigned: true,
      store: { kind: 'memory' },
      mdns: false,
      logLevel: 'debug',
    });
  });

  it('takes an empty variable as one that is not set', () => {
    expect(readConfig({ DISCOVERY_PORT: '', DISCOVERY_HOST: ' ' })).toMatchObject({
      port: 7777,
      host: '0.0.0.0',
    });
  });

  it('takes words in any case, and nothing of the CR that an env file leaves', () => {
    const env = {
      DISCOVERY_HOST: '::1\r',
      DISCOVERY_PORT: '7000\r',
      DISCOVERY_STORE: 'Memory\r',
      DISCOVERY_MDNS: 'Off\r',
      LOG_LEVEL: 'INFO\r',
    };
    expect(readConfig(env)).toMatchObject({
      host: '::1',
      port: 7000,
      store: { kind: 'memory' },
      mdns: false,
      logLevel: 'info',
    });
  });

  it.each(['DISCOVERY_HOST', 'DISCOVERY_PORT', 'DISCOVERY_STORE', 'LOG_LEVEL'])(
    'names the quotes that an env file leaves around %s',
    (variable) => {
      expect(() => readConfig({ [variable]: '"x"' })).toThrow(
        `${variable} is "\\"x\\"", and the quotes are part of it; it takes `,
      );
    },
  );

  it('takes a connection string as the store that replicas share', () => {
    for (const uri of [
      'mongodb://db1.example,db2.example/discovery?replicaSet=a',
      'mongodb+srv://db.example',
    ]) {
      expect(readConfig({ DISCOVERY_STORE: uri }).store).toEqual({ kind: 'mongodb', uri });
    }
  });

  it('never repeats a password', () => {
    const read = (): unknown => readConfig({ DISCOVERY_STORE: 'mongo://anna:secret@db.example/discovery' });
    expect(read).toThrow(/^DISCOVERY_STORE is "mongo:\/\/\*\*\*@db.example\/discovery"; it takes /);
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true);
  });

  it.each([
    ['DISCOVERY_HOST', 'not a host'],
    ['DISCOVERY_HOST', '256.0.0.1'],
    ['DISCOVERY_HOST', 'eth0'],
    ['DISCOVERY_HOST', 'localhost'],
    ['DISCOVERY_HOST', '[::1]'],
    ['DISCOVERY_HOST', '192.0.2.7:7777'],
    ['DISCOVERY_PORT', '65536'],
    ['DISCOVERY_PORT', '-1'],
    ['DISCOVERY_PORT', '0x10'],
    ['DISCOVERY_PORT', '7777.5'],
    ['DISCOVERY_LEASE_SECONDS', '1'],
    ['DISCOVERY_LEASE_SECONDS', '3601'],
    ['DISCOVERY_LEASE_SECONDS', 'long'],
    ['DISCOVERY_REQUIRE_SIGNED', 'perhaps'],
    ['DISCOVERY_STORE', 'mongo'],
    ['DISCOVERY_STORE', 'mongodb://'],
    ['DISCOVERY_STORE', 'http://db.example/discovery'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%s with its name, what it got and what it takes', (variable, value) => {
    const read = (): unknown => readConfig({ [variable]: value });
    expect(read).toThrow(SettingError);
    expect(read).toThrow(
      new RegExp(
        `^${variable} is ${JSON.stringify(value).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}; it takes .+\\.$`,
      ),
    );
  });
});
