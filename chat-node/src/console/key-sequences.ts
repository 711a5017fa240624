import type { Key } from 'node:readline';

// What keys send beside characters: xterm's sequences and those of rxvt, PuTTY
// and the Linux console, kitty's `CSI u`, and xterm's modifyOtherKeys.

const ESC = '\u001b';

/** Final characters of `CSI` and `SS3`. `R` is left out: as `CSI` it reports where the cursor is. */
const LETTER_KEYS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  E: 'clear',
  F: 'end',
  H: 'home',
  P: 'f1',
  Q: 'f2',
  S: 'f4',
};

/** The numbers of `CSI … ~`. */
const NUMBER_KEYS: Readonly<Record<string, string>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
};

/** The keypad in application mode, after `SS3`, from `j` and from `p` on. */
const KEYPAD = { j: '*+,-./', p: '0123456789' } as const;

/** kitty's numbers of keys that have no character, from the keypad's 0 on. */
const FIRST_KITTY_KEYPAD = 57_399;
/** At the place of the line break is the keypad's Enter. */
const KITTY_KEYPAD_TEXT = '0123456789./*-+\r=,';
const KITTY_KEYS: Readonly<Record<number, string>> = {
  9: 'tab',
  13: 'return',
  27: 'escape',
  127: 'backspace',
  57_414: 'return',
  57_417: 'left',
  57_418: 'right',
  57_419: 'up',
  57_420: 'down',
  57_421: 'pageup',
  57_422: 'pagedown',
  57_423: 'home',
  57_424: 'end',
  57_425: 'insert',
  57_426: 'delete',
  57_427: 'clear',
};
/** Of the private use area, kitty gives other keys the numbers up to here. */
const KITTY_FUNCTIONAL = { first: 57_344, last: 63_743 };

// The bits of a modifier, after 1 is taken off.
const SHIFT = 1;
const ALT = 2;
const CTRL = 4;
/** Super and Hyper: what they are pressed with is the desktop's. */
const FOREIGN = 8 | 16;
const META = 32;
const CAPS_LOCK = 64;

const RELEASED = 3;

/** The key of a control character; a terminal in its ordinary mode sends it for Ctrl with a letter. */
export function controlKey(code: number, alt = false): Key {
  const sequence = (alt ? ESC : '') + String.fromCharCode(code);
  const meta = alt ? { meta: true } : {};
  if (code === 0x08 || code === 0x7f) return { name: 'backspace', sequence, ...meta };
  if (code === 0x09) return { name: 'tab', sequence, ...meta };
  if (code === 0x0a) return { name: 'enter', sequence, ...meta };
  if (code === 0x0d) return { name: 'return', sequence, ...meta };
  const letter = code >= 1 && code <= 26 ? { name: String.fromCharCode(code + 0x60) } : {};
  return { ...letter, sequence, ctrl: true, ...meta };
}

/** The key of a character that was typed. */
export function characterKey(character: string, alt = false): Key {
  const sequence = (alt ? ESC : '') + character;
  const key: Key = alt ? { sequence, meta: true } : { sequence };
  if (character === ' ') return { ...key, name: 'space' };
  if (/^[a-z0-9]$/.test(character)) return { ...key, name: character };
  return /^[A-Z]$/.test(character) ? { ...key, name: character.toLowerCase(), shift: true } : key;
}

/**
 * The key of a sequence that begins with `CSI`.
 * @param parameters what stands between `CSI` and the final character
 * @returns null where it is no key, or none that means anything here
 */
export function csiKey(parameters: string, final: string, alt = false): Key | null {
  const sequence = `${ESC}[${parameters}${final}`;
  const pressed = modified({ sequence, ...(alt ? { meta: true } : {}) });
  if (!/^[\d:;]*$/.test(parameters)) return null;
  const [first = '', second = '', third = '', ...more] = parameters.split(';');
  if (more.length > 0) return null;
  if (final === 'u') return characterOf(first, third, second, sequence);
  if (first === '27' && final === '~') return characterOf(third, '', second, sequence);
  if (third !== '') return null;
  if (final === '~') return pressed(NUMBER_KEYS[first], second);
  // rxvt's: with Shift, with Ctrl, with both.
  if (final === '$') return pressed(NUMBER_KEYS[first], '2');
  if (final === '^') return pressed(NUMBER_KEYS[first], '5');
  if (final === '@') return pressed(NUMBER_KEYS[first], '6');
  if (first !== '' && first !== '1') return null;
  if (final === 'Z') return pressed('tab', '2');
  if (/^[a-d]$/.test(final)) return pressed(LETTER_KEYS[final.toUpperCase()], '2');
  return pressed(LETTER_KEYS[final], second);
}

/**
 * The key of a sequence that begins with `SS3`.
 * @param modifiers what stands between `SS3` and the final character
 */
export function ss3Key(modifiers: string, final: string, alt = false): Key | null {
  const sequence = `${ESC}O${modifiers}${final}`;
  const pressed = modified({ sequence, ...(alt ? { meta: true } : {}) });
  if (final === 'M') return pressed('return', modifiers);
  if (/^[a-d]$/.test(final)) return pressed(LETTER_KEYS[final.toUpperCase()], '5');
  const typed =
    final === 'X'
      ? '='
      : (KEYPAD.j[final.charCodeAt(0) - 'j'.charCodeAt(0)] ??
        KEYPAD.p[final.charCodeAt(0) - 'p'.charCodeAt(0)]);
  return typed === undefined ? pressed(LETTER_KEYS[final], modifiers) : characterKey(typed);
}

/** Whether a sequence that begins with `SS3` can end so. */
export function endsSs3(character: string): boolean {
  return /^[A-FHMP-SXa-dj-y]$/.test(character);
}

/** The function keys of the Linux console, `CSI [ A` to `E`. */
export function linuxKey(final: string): Key | null {
  const number = 'ABCDE'.indexOf(final) + 1;
  return number === 0 ? null : { name: `f${number}`, sequence: `${ESC}[[${final}` };
}

/** Gives a key its modifiers, written `5` or, with a kind of event, `5:1`; null where it is nothing for us. */
function modified(key: Key): (name: string | undefined, modifiers: string) => Key | null {
  return (name, modifiers) => {
    const held = modifiersOf(modifiers);
    if (name === undefined || held === null) return null;
    return { ...key, name, ...held.flags };
  };
}

function modifiersOf(text: string): { flags: Partial<Key>; bits: number } | null {
  const [modifiers = '', event = ''] = text.split(':');
  const bits = Math.max(1, Number(modifiers)) - 1;
  if (Number(event) === RELEASED || (bits & FOREIGN) !== 0) return null;
  return {
    bits,
    flags: {
      ...((bits & SHIFT) === 0 ? {} : { shift: true }),
      ...((bits & (ALT | META)) === 0 ? {} : { meta: true }),
      ...((bits & CTRL) === 0 ? {} : { ctrl: true }),
    },
  };
}

/**
 * A key by the number of its character.
 * @param codes of the key, with Shift, and in the same place of a Latin keyboard, between colons
 * @param text the numbers of what it writes, where the terminal says so
 */
function characterOf(codes: string, text: string, modifiers: string, sequence: string): Key | null {
  const [code = 0, shifted = 0, latin = 0] = codes.split(':').map(Number);
  const held = modifiersOf(modifiers);
  if (held === null) return null;
  const named = KITTY_KEYS[code];
  if (named !== undefined) {
    const plain = named === 'escape' ? ESC : named === 'return' ? '\r' : sequence;
    return { name: named, sequence: plain, ...held.flags };
  }
  const keypad = KITTY_KEYPAD_TEXT[code - FIRST_KITTY_KEYPAD];
  if (keypad !== undefined) return characterKey(keypad);
  if (code >= KITTY_FUNCTIONAL.first && code <= KITTY_FUNCTIONAL.last) return null;
  const { ctrl, meta } = held.flags;
  if (ctrl === true || meta === true) {
    // A letter is meant where it is on a keyboard with Latin letters: Ctrl-C is Ctrl-C on a Greek one.
    const letter = characterFrom(code < 0x80 ? code : latin).toLowerCase();
    return { ...(letter === '' ? {} : { name: letter }), sequence, ...held.flags };
  }
  const written = text === '' ? '' : text.split(':').map(Number).map(characterFrom).join('');
  if (written !== '') return characterKey(written);
  const isUpper = ((held.bits & SHIFT) !== 0) !== ((held.bits & CAPS_LOCK) !== 0);
  const lower = characterFrom(code);
  const upper = (held.bits & SHIFT) !== 0 && shifted > 0 ? characterFrom(shifted) : lower.toUpperCase();
  const character = isUpper ? upper : lower;
  return character === '' ? null : characterKey(character);
}

/** A character that can be typed; empty for another number. */
function characterFrom(code: number): string {
  const isCharacter = code >= 0x20 && code <= 0x10ffff && (code < 0x7f || code > 0x9f);
  return isCharacter && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '';
}
