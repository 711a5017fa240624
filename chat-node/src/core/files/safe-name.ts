/** Bytes that a name keeps below what file systems take: room for a number, and for what a draft is called. */
const MAX_SAFE_BYTES = 200;
/** The longest ending that is kept where a name is cut, in characters. */
const MAX_ENDING = 16;
const UTF8 = new TextEncoder();

/** Nobody sees them, or they turn around what is seen: control, format, private and unassigned characters, separators of lines. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** What divides paths, names drives and streams, or means something to a shell of Windows. */
const SPECIAL = /[/\\:*?"<>|]/g;
/** Hidden files, and what a command takes for an option or a home folder. */
const LEADING = /^[\s.~-]+/u;
/** Windows drops them, so two names could be one. */
const TRAILING = /[\s.]+$/u;
/** Devices of Windows, with any ending. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)/iu;

/**
 * A name under which a file can be saved on any system, out of one that
 * somebody else chose: it stays in its folder, is not hidden, is no option, no
 * device and no longer than file systems take.
 */
export function safeFileName(name: string): string {
  const seen = name.normalize('NFC').replace(UNSEEN, '').replace(SPECIAL, '_');
  const trimmed = seen.replace(LEADING, (lead) => (lead.trim() === '' ? '' : '_')).replace(TRAILING, '');
  const safe = RESERVED.test(trimmed) ? `_${trimmed}` : trimmed;
  return safe === '' ? 'file' : cut(safe);
}

/** The name with a number, for where the name is taken: `name (1).ext`. */
export function numberedName(name: string, number: number): string {
  if (number === 0) return name;
  const [stem, ending] = divided(name);
  return `${stem} (${number})${ending}`;
}

function cut(name: string): string {
  if (UTF8.encode(name).length <= MAX_SAFE_BYTES) return name;
  const [stem, ending] = divided(name);
  const room = MAX_SAFE_BYTES - UTF8.encode(ending).length;
  let kept = '';
  let bytes = 0;
  for (const character of stem) {
    bytes += UTF8.encode(character).length;
    if (bytes > room) break;
    kept += character;
  }
  return `${kept.replace(TRAILING, '')}${ending}`;
}

function divided(name: string): [stem: string, ending: string] {
  const dot = name.lastIndexOf('.');
  const hasEnding = dot > 0 && name.length - dot <= MAX_ENDING;
  return hasEnding ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
}
