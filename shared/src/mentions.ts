const WORD = /[\p{L}\p{N}\p{M}_]/u;

/** Somebody who can be mentioned. */
export interface Mentionable {
  peerId: string;
  user: string;
}

/**
 * Who is called in a text by `@` and the name: peer ids, each once, in the order
 * in which they are called. Of names that begin alike the longest counts; one
 * that two people have means none of them.
 */
export function mentionsIn(body: string, members: readonly Mentionable[]): string[] {
  if (!body.includes('@')) return [];
  const byName = Map.groupBy(members, ({ user }) => folded(user));
  const names = [...byName.keys()].sort((a, b) => b.length - a.length);
  const text = folded(body);
  const found = new Set<string>();
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    if (at > 0 && WORD.test(text.charAt(at - 1))) continue;
    const name = names.find((one) => text.startsWith(one, at + 1) && endsWord(text, at + 1 + one.length));
    const people = name === undefined ? [] : (byName.get(name) ?? []);
    if (people.length === 1) for (const { peerId } of people) found.add(peerId);
  }
  return [...found];
}

function endsWord(text: string, end: number): boolean {
  return !WORD.test(text.charAt(end));
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}
