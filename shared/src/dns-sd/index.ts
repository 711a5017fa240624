export * from './dns-sd.js';
export * from './lan-interfaces.js';
export * from './multicast-port.js';
export * from './txt.js';
