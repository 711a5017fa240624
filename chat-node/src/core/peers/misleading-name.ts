import { looksAlike, nameSkeletons } from '@p2p-chat/shared';

/** What stands in the product's own lines, and beside people in its lists: nobody else is called so. */
const OWN_WORDS = ['You', 'Back', 'Cancel', 'p2p-chat'];
/** A name that begins as one's own lines do, `You: …` or `You to …`. */
const OWN_LINE = /^you(?:\s*\p{P}|\s+to\b)/u;
/** A name that ends as the badges beside names do. */
const BADGE = /\[[^\]]*\]$/u;
/** A name that ends as the label of somebody does, or nearly so. */
const LABEL = /\(\s*\S{8}\s*\)$/u;
/** A name that may be the beginning of an id. */
const ID_START = /^[a-z2-7]{8,}$/;

/**
 * Whether the name of a person or a group could be taken for this node's user,
 * for the beginning of an id, or for what the screens say themselves.
 * @param ownName the name of this node's user
 * @param startsId whether somebody's id begins so
 */
export function isMisleading(
  name: string,
  { ownName, startsId }: { ownName: string; startsId: (text: string) => boolean },
): boolean {
  const plain = name.normalize('NFKC').trim();
  if (LABEL.test(plain) || BADGE.test(plain)) return true;
  if ([ownName, ...OWN_WORDS].some((own) => looksAlike(own, name))) return true;
  if (nameSkeletons(name).some((skeleton) => OWN_LINE.test(skeleton))) return true;
  const lower = plain.toLowerCase();
  return ID_START.test(lower) && startsId(lower);
}
