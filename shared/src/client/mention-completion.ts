import type { MemberView } from '../control/views.js';

/** A text that is being written, and where. */
interface Written {
  text: string;
  cursor: number;
}

/** Those whose names begin as the letters between an `@` and the cursor, by name. */
export function mentionable({ text, cursor }: Written, members: readonly MemberView[]): MemberView[] {
  const letters = lettersBefore(text, cursor)?.toLowerCase();
  if (letters === undefined) return [];
  return members
    .filter(({ self, user }) => !self && user.toLowerCase().startsWith(letters))
    .sort((a, b) => a.user.localeCompare(b.user));
}

/** The text with a name in the place of these letters. */
export function withMention({ text, cursor }: Written, name: string): Written {
  const start = cursor - (lettersBefore(text, cursor)?.length ?? 0);
  return { text: `${text.slice(0, start)}${name} ${text.slice(cursor)}`, cursor: start + name.length + 1 };
}

function lettersBefore(text: string, cursor: number): string | undefined {
  return /(?:^|[^\p{L}\p{N}_])@([^\s@]*)$/u.exec(text.slice(0, cursor))?.[1];
}
