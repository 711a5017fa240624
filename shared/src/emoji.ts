const ONE_EMOJI = /^\p{RGI_Emoji}$/v;
/** Variation selector 16: asks for the coloured form of a sign that is also a letter. */
const COLOURED = '\u{fe0f}';

/**
 * One emoji in its one form: `❤` and `❤️` are the same reaction.
 * @returns null where the text is not exactly one emoji (UTS #51, RGI)
 */
export function normalizeEmoji(text: string): string | null {
  const composed = text.trim().normalize('NFC');
  for (const form of [composed, composed + COLOURED]) if (ONE_EMOJI.test(form)) return form;
  return null;
}
