import type { PeerEntry, SignedEntry } from '@p2p-chat/shared';
import { decodeTxt, encodeTxt } from '@p2p-chat/shared/dns-sd';

/** The form of the record; another one is not read. */
const TXT_VERSION = '1';

/** A signed announcement as the strings of a TXT record. The port is in the SRV record. */
export function announcementTxt(entry: SignedEntry): Buffer[] {
  return encodeTxt({
    v: TXT_VERSION,
    user: entry.USER,
    id: entry.PEER_ID,
    key: entry.KEY,
    instance: entry.INSTANCE,
    seq: String(entry.SEQ),
    expires: String(entry.EXPIRES),
    host: entry.HOST,
    addresses: (entry.ADDRESSES ?? []).join(','),
    signature: entry.SIGNATURE,
  });
}

/**
 * The entry of a TXT record. Nothing in it is checked.
 * @param sender where the packet came from, which stands in place of a host that was left open
 * @returns null where the record is of another form
 */
export function entryOfTxt(strings: readonly Uint8Array[], port: number, sender: string): PeerEntry | null {
  const values = decodeTxt(strings);
  if (values.get('v') !== TXT_VERSION) return null;
  const text = (key: string): string => values.get(key) ?? '';
  const addresses = text('addresses');
  const host = text('host');
  return {
    ...(host === '' ? { HOST: sender, SIGNED_HOST: '' } : { HOST: host }),
    PORT: port,
    USER: text('user'),
    PEER_ID: text('id'),
    KEY: text('key'),
    INSTANCE: text('instance'),
    SEQ: Number(text('seq')),
    EXPIRES: Number(text('expires')),
    ...(addresses === '' ? {} : { ADDRESSES: addresses.split(',') }),
    SIGNATURE: text('signature'),
  };
}
