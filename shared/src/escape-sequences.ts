// The pattern of Node's util.stripVTControlCharacters, which a browser lacks.
const SEQUENCE = new RegExp(
  String.raw`(?:\u001B\][\s\S]*?(?:\u0007|\u001B\u005C|\u009C))` +
    String.raw`|[\u001B\u009B][[\]()#;?]*(?:\d{1,4}(?:[;:]\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]`,
  'g',
);

/** A text without the escape sequences that a terminal obeys. */
export function withoutEscapeSequences(text: string): string {
  return text.includes('\u001B') || text.includes('\u009B') ? text.replace(SEQUENCE, '') : text;
}
