import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { droppedFile, withPath } from './path-completion.js';

describe('Tab after /file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'paths-'));
    mkdirSync(join(folder, 'photos'));
    for (const name of ['plan a.txt', 'plan b.txt', "it's.md", '.hidden', 'evil\u001b[2J', 'photos/one.png'])
      writeFileSync(join(folder, name), '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const completed = (written: string): { line: string | undefined; names: readonly string[] } => {
    const line = `/file ${written.replaceAll('DIR', folder)}`;
    const found = withPath({ text: line, cursor: line.length });
    return { line: found?.draft.text.replace(folder, 'DIR'), names: found?.names ?? [] };
  };

  it.each([
    ['DIR/ph', '/file DIR/photos/'],
    ['DIR/photos/', '/file DIR/photos/one.png'],
    ['DIR/it', "/file DIR/it\\'s.md"],
    ["'DIR/ph", '/file DIR/photos/'],
    ['"DIR/plan a', '/file DIR/plan a.txt'],
    ['DIR/plan\\ a', '/file DIR/plan a.txt'],
    ['DIR/.h', '/file DIR/.hidden'],
    ['DIR/nothing', undefined],
    ['DIR/evil', undefined],
  ])('%s goes on as %s', (written, line) => expect(completed(written)).toEqual({ line, names: [] }));

  it.each([
    ['DIR/plan a.txt', '/file DIR/plan a.txt'],
    ["'DIR/plan a.txt' ", "/file 'DIR/plan a.txt'"],
    ['DIR/plan\\ a.txt\n', '/file DIR/plan\\ a.txt'],
    ['file://DIR/plan%20a.txt', '/file file://DIR/plan%20a.txt'],
    ['DIR/photos', '/file DIR/photos'],
    ['DIR/nothing', undefined],
    ['look at DIR/photos', undefined],
    ['DIR/photos\nDIR/photos', undefined],
    ['file://%', undefined],
    ['photos', undefined],
    ['/', undefined],
    ['', undefined],
  ])('what is dragged, %j, becomes %j', (pasted, command) => {
    expect(droppedFile(pasted.replaceAll('DIR', folder))?.replaceAll(folder, 'DIR')).toBe(command);
  });

  it('goes as far as is clear, and tells how it can go on', () => {
    expect(completed('DIR/pl')).toEqual({ line: '/file DIR/plan ', names: ['plan a.txt', 'plan b.txt'] });
    expect(completed('DIR/').names).toEqual(["it's.md", 'photos', 'plan a.txt', 'plan b.txt']);
  });

  it('leaves what stands behind the cursor, and lines about something else', () => {
    const line = `/file ${folder}/ph`;
    const { draft } = withPath({ text: `${line} later`, cursor: line.length }) ?? {};
    expect(draft).toEqual({ text: `/file ${folder}/photos/ later`, cursor: line.length + 'otos/'.length });
    expect(withPath({ text: 'see /fi', cursor: 7 })).toBeNull();
  });
});
