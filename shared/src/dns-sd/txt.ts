/** One string of a TXT record has at most 255 bytes (RFC 1035); this leaves room for its key. */
const MAX_VALUE_BYTES = 200;

/**
 * Key and value pairs as the strings of a TXT record (RFC 6763, 6). A value
 * that is too long for one string goes on in strings with the keys `key.1`,
 * `key.2` and so on.
 */
export function encodeTxt(values: Readonly<Record<string, string>>): Buffer[] {
  const strings: Buffer[] = [];
  for (const [key, value] of Object.entries(values)) {
    const bytes = Buffer.from(value);
    for (let start = 0, part = 0; part === 0 || start < bytes.length; start += MAX_VALUE_BYTES, part += 1) {
      const name = part === 0 ? key : `${key}.${part}`;
      strings.push(Buffer.concat([Buffer.from(`${name}=`), bytes.subarray(start, start + MAX_VALUE_BYTES)]));
    }
  }
  return strings;
}

/** The pairs of a TXT record. Of a key that is there twice the first one counts; strings without `=` are left out. */
export function decodeTxt(strings: readonly Uint8Array[]): Map<string, string> {
  const parts = new Map<string, Buffer>();
  for (const string of strings) {
    const bytes = Buffer.from(string);
    const equals = bytes.indexOf('=');
    if (equals <= 0) continue;
    const key = bytes.toString('latin1', 0, equals).toLowerCase();
    if (!parts.has(key)) parts.set(key, bytes.subarray(equals + 1));
  }
  const values = new Map<string, string>();
  for (const [key, first] of parts) {
    if (/\.\d+$/.test(key)) continue;
    const all = [first];
    for (let part = parts.get(`${key}.1`); part !== undefined; part = parts.get(`${key}.${all.length}`)) {
      all.push(part);
    }
    values.set(key, Buffer.concat(all).toString());
  }
  return values;
}
