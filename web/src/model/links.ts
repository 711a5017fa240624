import { signal } from '@preact/signals';
import { linksIn } from '@p2p-chat/shared/links';

type SkeletonsOf = (label: string) => readonly string[];

/** A part of a text. */
export type Part = { text: string; href?: string };

/** What tells which hosts look like others: a large table, loaded once there is a host beyond ASCII. */
const skeletons = signal<SkeletonsOf | null>(null);

/** Loads that table. */
export async function loadSkeletons(): Promise<void> {
  skeletons.value = (await import('@p2p-chat/shared/name-skeleton')).nameSkeletons;
}

/** A text in parts, of which some are links: see `linksIn`. Each is shown as it was written. */
export function withLinks(text: string): Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const { start, end, target } of linksIn(text, skeletonsOf)) {
    if (start > done) parts.push({ text: text.slice(done, start) });
    parts.push({ text: text.slice(start, end), href: target });
    done = end;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

/** Until the table is there, any host beyond ASCII may look like another one. */
function skeletonsOf(label: string): readonly string[] {
  if (skeletons.value !== null) return skeletons.value(label);
  void loadSkeletons();
  return [''];
}
