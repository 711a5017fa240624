import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { hostKind, isLinkLocal } from '@p2p-chat/shared';

/**
 * Looks up a name that somebody else announced, and leaves out addresses that
 * must not be dialled on his word: what a name leads to is his choice as much as
 * the name is.
 * @param lookup of the system
 * @returns a `lookup` for sockets; it fails with ENOTFOUND where nothing is left
 */
export function usableLookup(lookup: typeof systemLookup = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const wanted = hostKind(hostname) === 'loopback' ? 'loopback' : 'usable';
      const usable = found.filter(({ address }) => hostKind(address) === wanted && !isLinkLocal(address));
      const [first] = usable;
      if (first === undefined) {
        const refused = new Error(`${hostname} leads to no address that may be dialled`);
        return callback(Object.assign(refused, { code: 'ENOTFOUND' }), []);
      }
      if (options.all === true) callback(null, usable);
      else callback(null, first.address, first.family);
    });
  };
}
