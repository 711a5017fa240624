import unhomoglyph from 'unhomoglyph';

/**
 * By what names that look alike are found: two names look alike where they
 * have one of these texts in common. They are for comparing alone, nobody is
 * shown them.
 *
 * Compatibility forms (NFKC) are the same; so are characters that Unicode
 * calls confusable (UTS #39), upper and lower case, and any number of spaces.
 * Joiners and selectors, which many fonts do not show, do not count.
 * @param name a user name
 */
export function nameSkeletons(name: string): readonly string[] {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
  // Lower case after the table, where I and l are one, and before it, where i and I are.
  const [shape, folded] = [skeleton(plain).toLowerCase(), skeleton(plain.toLowerCase())];
  return shape === folded ? [shape] : [shape, folded];
}

/** Whether two names look alike; see {@link nameSkeletons}. */
export function looksAlike(one: string, other: string): boolean {
  const skeletons = nameSkeletons(other);
  return nameSkeletons(one).some((text) => skeletons.includes(text));
}

function skeleton(text: string): string {
  return unhomoglyph(text).normalize('NFD');
}
