/*
 * Words as search knows them, the same in every storage: case and diacritics
 * do not count, and what is written without spaces is taken in pairs of
 * characters.
 */

/** A word of a text, and where it stands there (UTF-16 units). */
interface PlacedWord {
  word: string;
  start: number;
  end: number;
  /** Where its first character ends, where it is a pair; else as `end`. */
  firstEnd: number;
  /** Whether it is the last character of a row without spaces, which the pair before it has already. */
  endsRow: boolean;
}

/** UTF-16 units of a word that count: longer than any word, and a file in base64 is no burden. */
const MAX_WORD_UNITS = 64;

// Scripts whose words no space divides.
const UNSPACED = String.raw`[[\p{L}\p{N}\p{M}]&&[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{sc=Bopo}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]]`;
const WORD = new RegExp(
  String.raw`(?<unspaced>${UNSPACED}+)|(?<spaced>(?:(?!${UNSPACED})[\p{L}\p{N}\p{M}])+)|(?<sign>\p{Extended_Pictographic})`,
  'gv',
);
// A character with the marks upon it.
const CHARACTER = /\P{M}\p{M}*|\p{M}+/gu;
// Accents, points and the like; not the vowels of the scripts of India, which are marks too.
const DIACRITIC = /[\p{M}&&[\p{sc=Zinh}\p{sc=Hebr}\p{sc=Arab}]]/gv;
const NO_LETTER = /[^\p{L}\p{N}\p{M}\p{Extended_Pictographic}]/gu;

/** The words of a message, each once. */
export function searchWords(text: string): Set<string> {
  return new Set(Array.from(placedWords(text), ({ word }) => word));
}

/**
 * The words of a query. A message matches where each of them is the beginning
 * of one of its words. Empty where the query has no letter, digit or sign.
 */
export function queryWords(query: string): string[] {
  const words = new Set<string>();
  for (const { word, endsRow } of placedWords(query)) if (!endsRow) words.add(word);
  // What begins a longer one of them says nothing more.
  return [...words].filter((word) => ![...words].some((one) => one !== word && one.startsWith(word)));
}

/** Where a text has the words of a query, in order, without overlaps. */
export function matchRanges(text: string, query: string): { start: number; end: number }[] {
  const wanted = queryWords(query);
  const ranges: { start: number; end: number }[] = [];
  for (const { word, start, end, firstEnd } of placedWords(text)) {
    const found = wanted.filter((one) => word.startsWith(one));
    if (found.length === 0) continue;
    const isFirstAlone = found.every((one) => fold(text.slice(start, firstEnd)).startsWith(one));
    const to = isFirstAlone ? firstEnd : end;
    const last = ranges.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, to);
    else ranges.push({ start, end: to });
  }
  return ranges;
}

function* placedWords(text: string): Generator<PlacedWord> {
  for (const match of text.matchAll(WORD)) {
    const { index: start } = match;
    const [found] = match;
    if (match.groups?.['unspaced'] !== undefined) {
      yield* pairs(found, start);
      continue;
    }
    const word = fold(found);
    const end = start + found.length;
    if (word !== '') yield { word, start, end, firstEnd: end, endsRow: false };
  }
}

/** Each character together with the next one; the last one alone. */
function* pairs(row: string, offset: number): Generator<PlacedWord> {
  const characters = Array.from(row.matchAll(CHARACTER), ({ 0: found, index }) => ({
    word: fold(found),
    start: offset + index,
    end: offset + index + found.length,
  })).filter(({ word }) => word !== '');
  for (const [at, { word, start, end }] of characters.entries()) {
    const next = characters[at + 1];
    const endsRow = next === undefined && at > 0;
    yield { word: word + (next?.word ?? ''), start, end: next?.end ?? end, firstEnd: end, endsRow };
  }
}

/** A word without case, diacritics and other forms of the same letters. */
function fold(word: string): string {
  const folded = word
    .normalize('NFKD')
    // Both ways: ß and SS are the same then, as are both forms of the sigma.
    .toUpperCase()
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFKD')
    .replace(DIACRITIC, '')
    .replace(NO_LETTER, '');
  const cut = folded.slice(0, MAX_WORD_UNITS);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
