import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { drawPictures } from '../scripts/picture-scenes.ts';
import { descriptionOf } from '../scripts/svg.ts';
import { ROOT } from './support/processes.ts';

const PICTURES = join(ROOT, 'docs/pictures');

it('the pictures of the documents show what the program shows now; if not: make pictures', async () => {
  const drawn = await drawPictures();
  // Those of the page are made by a browser, and differ from one to the next in their pixels.
  const kept = (await readdir(PICTURES)).filter((name) => name.endsWith('.svg'));
  expect(kept.toSorted()).toEqual([...drawn.keys()].toSorted());
  for (const [name, svg] of drawn) {
    const stored = await readFile(join(PICTURES, name), 'utf8');
    expect(descriptionOf(stored), name).toBe(descriptionOf(svg));
    expect(descriptionOf(svg)).not.toBe('');
  }
});
