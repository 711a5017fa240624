import { describe, expect, it } from 'vitest';
import { readConfig } from './config.js';

const base = { P2P_CHAT_USER: 'Alice', P2P_CHAT_HOME: '/tmp/alice' };

describe('the settings', () => {
  it('have defaults that run by themselves', () => {
    expect(readConfig(base)).toEqual(
      expect.objectContaining({
        user: 'Alice',
        home: '/tmp/alice',
        host: '',
        port: 7780,
        portMayMove: true,
        controlPort: 0,
        discoveryUrls: ['http://127.0.0.1:7777'],
        discoveryUrlsSet: false,
        mdns: true,
        sameMachine: true,
        interfaces: [],
        staticPeers: [],
        mongodbUri: null,
        receipts: null,
        contacts: 'all',
        typing: null,
        fixed: {},
        metrics: false,
        logLevel: 'info',
        attached: false,
      }),
    );
  });

  it('are the defaults where they are empty', () => {
    const names = [
      ...[
        'P2P_CHAT_HOST',
        'P2P_CHAT_PORT',
        'P2P_CHAT_CONTROL_PORT',
        'P2P_CHAT_MDNS',
        'P2P_CHAT_SAME_MACHINE',
      ],
      ...['P2P_CHAT_INTERFACES', 'P2P_CHAT_PEERS', 'MONGODB_URI', 'P2P_CHAT_RECEIPTS', 'P2P_CHAT_TYPING'],
      ...['P2P_CHAT_ON_MESSAGE', 'P2P_CHAT_CONTACTS', 'P2P_CHAT_METRICS', 'LOG_LEVEL', 'XDG_DATA_HOME'],
    ];
    for (const empty of ['', ' ', '\r'])
      expect(readConfig({ ...base, ...Object.fromEntries(names.map((name) => [name, empty])) })).toEqual(
        readConfig(base),
      );
  });

  it('are read in any case, and without the CR that an env file leaves', () => {
    expect(
      readConfig({
        P2P_CHAT_USER: 'Alice\r',
        P2P_CHAT_HOME: '/tmp/alice\r',
        P2P_CHAT_HOST: '192.0.2.7\r',
        P2P_CHAT_PORT: '9000\r',
        P2P_CHAT_PEERS: '192.0.2.8\r',
        P2P_CHAT_MDNS: 'OFF\r',
        P2P_CHAT_CONTACTS: 'Only\r',
        MONGODB_URI: 'mongodb://db/chat\r',
        LOG_LEVEL: 'INFO\r',
      }),
    ).toMatchObject({
      user: 'Alice',
      home: '/tmp/alice',
      host: '192.0.2.7',
      port: 9000,
      staticPeers: [{ host: '192.0.2.8', port: 7780 }],
      mdns: false,
      contacts: 'only',
      mongodbUri: 'mongodb://db/chat',
      logLevel: 'info',
    });
  });

  it('take strangers as everybody else where all are colleagues', () => {
    expect(readConfig({ ...base, P2P_CHAT_CONTACTS: 'everyone' }).contacts).toBe('everyone');
  });

  it.each([
    ['2001:db8::1', '2001:db8::1', 7780],
    ['[2001:db8::1]', '2001:db8::1', 7780],
    ['[fe80::1%eth0]:7781', 'fe80::1%eth0', 7781],
    ['fe80::1%eth0', 'fe80::1%eth0', 7780],
    ['::1', '::1', 7780],
    ['localhost:1', 'localhost', 1],
    ['bücher.example:1', 'xn--bcher-kva.example', 1],
    ['my_box', 'my_box', 7780],
  ])('take the peer %s', (text, host, port) => {
    expect(readConfig({ ...base, P2P_CHAT_PEERS: text }).staticPeers).toEqual([{ host, port }]);
  });

  it('are as they were set, and cannot be changed later', () => {
    const config = readConfig({
      ...base,
      P2P_CHAT_HOST: '192.0.2.7',
      P2P_CHAT_PORT: '9000',
      P2P_CHAT_CONTROL_PORT: '9001',
      DISCOVERY_URLS: ' http://192.0.2.1:7777/ ,https://x.example/discovery/,',
      P2P_CHAT_MDNS: 'off',
      P2P_CHAT_SAME_MACHINE: 'off',
      P2P_CHAT_INTERFACES: 'eth0, wlan*',
      P2P_CHAT_PEERS: '192.0.2.8, [2001:db8::1]:9002,host.example:1',
      MONGODB_URI: 'mongodb://%2Frun%2Fmongodb.sock/p2p-chat',
      P2P_CHAT_RECEIPTS: 'off',
      P2P_CHAT_CONTACTS: 'only',
      P2P_CHAT_TYPING: 'on',
      LOG_LEVEL: 'debug',
    });
    expect(config).toEqual(
      expect.objectContaining({
        host: '192.0.2.7',
        port: 9000,
        portMayMove: false,
        controlPort: 9001,
        discoveryUrls: ['http://192.0.2.1:7777', 'https://x.example/discovery'],
        discoveryUrlsSet: true,
        mdns: false,
        sameMachine: false,
        interfaces: ['eth0', 'wlan*'],
        staticPeers: [
          { host: '192.0.2.8', port: 7780 },
          { host: '2001:db8::1', port: 9002 },
          { host: 'host.example', port: 1 },
        ],
        mongodbUri: 'mongodb://%2Frun%2Fmongodb.sock/p2p-chat',
        receipts: false,
        contacts: 'only',
        typing: true,
        fixed: { receipts: 'P2P_CHAT_RECEIPTS', typing: 'P2P_CHAT_TYPING' },
        logLevel: 'debug',
      }),
    );
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each(['0.0.0.0', '::', ''])('take the host %j for all addresses', (host) => {
    expect(readConfig({ ...base, P2P_CHAT_HOST: host }).host).toBe('');
  });

  it.each(['192.0.2.7', '::1', 'fe80::1%eth0', '127.0.0.1'])('take the host %s', (host) => {
    expect(readConfig({ ...base, P2P_CHAT_HOST: host }).host).toBe(host);
  });

  it.each(['0', '1', '65535'])('take the port %s', (port) => {
    expect(readConfig({ ...base, P2P_CHAT_PORT: port })).toMatchObject({
      port: Number(port),
      portMayMove: false,
    });
  });

  it('take no discovery service where the list is empty', () => {
    expect(readConfig({ ...base, DISCOVERY_URLS: '' }).discoveryUrls).toEqual([]);
  });

  it.each([
    ['P2P_CHAT_PORT', '65536'],
    ['P2P_CHAT_PORT', '-1'],
    ['P2P_CHAT_PORT', '1.5'],
    ['P2P_CHAT_PORT', '0x10'],
    ['P2P_CHAT_PORT', 'x'],
    ['P2P_CHAT_CONTROL_PORT', '70000'],
    ['DISCOVERY_URLS', 'ftp://192.0.2.1'],
    ['DISCOVERY_URLS', '192.0.2.1:7777'],
    ['DISCOVERY_URLS', 'http://user:secret@192.0.2.1'],
    ['P2P_CHAT_PEERS', '192.0.2.1:70000'],
    ['P2P_CHAT_PEERS', '192.0.2.1:0'],
    ['P2P_CHAT_PEERS', '192.0.2.1:'],
    ['P2P_CHAT_PEERS', '300.0.0.1'],
    ['P2P_CHAT_PEERS', '[192.0.2.1]:1'],
    ['P2P_CHAT_PEERS', '[x]:1'],
    ['P2P_CHAT_PEERS', '2001:db8::1:77800'],
    ['P2P_CHAT_PEERS', 'http://a:1'],
    ['P2P_CHAT_PEERS', 'a/b'],
    ['P2P_CHAT_HOST', 'eth0'],
    ['P2P_CHAT_HOST', 'localhost'],
    ['P2P_CHAT_HOST', '[::1]'],
    ['P2P_CHAT_HOST', '192.0.2.7:7780'],
    ['P2P_CHAT_HOST', '224.0.0.251'],
    ['P2P_CHAT_HOST', '*'],
    ['P2P_CHAT_PEERS', 'user@host:1'],
    ['P2P_CHAT_RECEIPTS', 'yes'],
    ['P2P_CHAT_CONTACTS', 'on'],
    ['P2P_CHAT_TYPING', 'yes'],
    ['P2P_CHAT_ON_MESSAGE', '[]'],
    ['P2P_CHAT_CONTACTS', 'none'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_LEVEL', '__proto__'],
  ])('are refused where %s is %j, with the variable, what it got and what it takes', (variable, value) => {
    expect(() => readConfig({ ...base, [variable]: value })).toThrow(
      expect.objectContaining({
        code: 'invalid-setting',
        message: expect.stringMatching(
          new RegExp(
            `^${variable} is ${JSON.stringify(value).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}; it takes `,
          ),
        ) as string,
        hint: expect.stringContaining(variable) as string,
      }),
    );
  });

  it.each([
    ['P2P_CHAT_HOST', 'fe80::1'],
    ['P2P_CHAT_PEERS', '[fe80::1]:7780'],
  ])('say that a link-local address has a zone (%s)', (variable, value) => {
    expect(() => readConfig({ ...base, [variable]: value })).toThrow(
      `${variable} is "${value}", which means nothing without its zone; it takes `,
    );
  });

  it('take no quotes for part of the name of an interface', () => {
    expect(() => readConfig({ ...base, P2P_CHAT_INTERFACES: 'wlan*,"eth0"' })).toThrow(
      'P2P_CHAT_INTERFACES is "\\"eth0\\"", and the quotes are part of it; it takes ',
    );
  });

  it('do not repeat a database address that may hold a password', () => {
    expect(() => readConfig({ ...base, MONGODB_URI: 'mysql://root:hunter2@db' })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') as string }),
    );
    expect(() => readConfig({ ...base, MONGODB_URI: 'mysql://root:hunter2@db' })).toThrow(/^MONGODB_URI is /);
  });
});
