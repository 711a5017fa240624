/*
 * `make pictures`: draws the pictures of the documents from the real program.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './local-discovery.ts';
import { drawPictures } from './picture-scenes.ts';

const PICTURES = join(ROOT, 'docs/pictures');

await mkdir(PICTURES, { recursive: true });
for (const [name, svg] of await drawPictures()) {
  await writeFile(join(PICTURES, name), svg);
  console.log(`docs/pictures/${name}`);
}
