import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { drawPictures } from '../scripts/picture-scenes.ts';
import { descriptionOf } from '../scripts/svg.ts';
import { ROOT } from './support/processes.ts';

const PICTURES = join(ROOT, 'docs/pictures');

it('the pictures of the documents show what the program shows now; if not: make pictures', async () => {
  const drawn = await drawPictures();
  expect((await readdir(PICTURES)).toSorted()).toEqual([...drawn.keys()].toSorted());
  for (const [name, svg] of drawn) {
    const kept = await readFile(join(PICTURES, name), 'utf8');
    expect(descriptionOf(kept), name).toBe(descriptionOf(svg));
    expect(descriptionOf(svg)).not.toBe('');
  }
});
