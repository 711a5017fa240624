import { expect, it } from 'vitest';
import { InterfaceReader, type Interfaces } from './network-interfaces.js';

it('keeps the interfaces that were read last while the system refuses to name them', () => {
  const eth0 = [{ address: '192.0.2.5' }] as ReturnType<Interfaces>[string];
  let ask: Interfaces = () => {
    throw new Error('uv_interface_addresses returned 13');
  };
  const reader = new InterfaceReader(() => ask());
  expect(reader.read()).toEqual({});
  expect(reader.problem).toBe('uv_interface_addresses returned 13');
  const refusing = ask;
  ask = () => ({ eth0 });
  expect(reader.read()).toEqual({ eth0 });
  expect(reader.problem).toBeNull();
  ask = refusing;
  expect(reader.read()).toEqual({ eth0 });
  expect(reader.problem).not.toBeNull();
});
