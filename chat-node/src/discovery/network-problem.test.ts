import { InterfaceReader, type Interfaces } from '@p2p-chat/shared';
import { expect, it } from 'vitest';
import { networkProblem } from './network-problem.js';

const info = { family: 'IPv4', netmask: '', mac: '', internal: false, cidr: null } as const;
const problemOf = (host: string, ask: Interfaces) => networkProblem(host, new InterfaceReader(ask))?.code;
const eth0 =
  (address: string): Interfaces =>
  () => ({ eth0: [{ ...info, address }] });
const refused: Interfaces = () => {
  throw new Error('13');
};

it.each([
  ['', eth0('192.0.2.5'), undefined],
  ['', () => ({}), 'network-absent'],
  ['', refused, 'network-unreadable'],
  ['192.0.2.5', eth0('192.0.2.5'), undefined],
  ['192.0.2.5', eth0('192.0.2.6'), 'address-gone'],
  ['fe80::1%eth0', eth0('fe80::1'), undefined],
  ['127.0.0.1', eth0('192.0.2.6'), undefined],
  ['192.0.2.5', refused, 'network-unreadable'],
])('of a node on %j', (host, ask, code) => {
  expect(problemOf(host, ask)).toBe(code);
});
