/** An emoji: the characters, its group, its name, and words to find it by. */
export type Emoji = readonly [unicode: string, group: number, label: string, tags: string];

/** The emoji, with names in a language; loaded when they are wanted first. */
export async function emojiOf(language: string): Promise<readonly Emoji[]> {
  return language === 'de'
    ? (await import('virtual:emoji/de')).default
    : (await import('virtual:emoji/en')).default;
}

/** Those whose names or words begin with each word of a text. */
export function findEmoji(all: readonly Emoji[], text: string): readonly Emoji[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return all;
  return all.filter(([unicode, , label, tags]) => {
    const has = `${label} ${tags}`.toLowerCase().split(/[\s\-–:,]+/);
    return wanted.every((word) => unicode === word || has.some((one) => one.startsWith(word)));
  });
}
