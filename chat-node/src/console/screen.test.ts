import xterm from '@xterm/headless';
import { describe, expect, it } from 'vitest';
import { Screen } from './screen.js';

function open(columns: number, rows: number) {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  let written = 0;
  const output = {
    columns,
    rows,
    write: (text: string) => {
      written += text.length;
      terminal.write(text);
      return true;
    },
  };
  const shown = async (): Promise<string[]> => {
    await new Promise<void>((resolve) => terminal.write('', resolve));
    const { active } = terminal.buffer;
    return Array.from(
      { length: terminal.rows },
      (_, row) => active.getLine(row)?.translateToString(true) ?? '',
    );
  };
  const cursor = () => ({ row: terminal.buffer.active.cursorY, column: terminal.buffer.active.cursorX });
  const take = (): number => {
    const now = written;
    written = 0;
    return now;
  };
  return { terminal, output, screen: new Screen(output), shown, cursor, take };
}

describe('the screen', () => {
  it('shows lines as wide as itself, and the cursor', async () => {
    const { screen, shown, cursor } = open(6, 3);
    screen.draw({ lines: ['──────', '日本語', 'a'], cursor: { row: 2, column: 1 } });
    expect(await shown()).toEqual(['──────', '日本語', 'a']);
    expect(cursor()).toEqual({ row: 2, column: 1 });
  });

  it('writes what changed, and clears what is gone', async () => {
    const { screen, shown, take } = open(200, 4);
    const long = 'x'.repeat(200);
    screen.draw({ lines: [long, long, 'old'], cursor: null });
    take();
    screen.draw({ lines: [long, 'new'], cursor: null });
    expect(take()).toBeLessThan(80);
    expect(await shown()).toEqual([long, 'new', '', '']);
    screen.draw({ lines: [long, 'new'], cursor: null });
    expect(take()).toBe(0);
  });

  it('shows the end of what is too high, with the cursor where it belongs', async () => {
    const { screen, shown, cursor } = open(10, 2);
    screen.draw({ lines: ['a', 'b', 'c'], cursor: { row: 1, column: 1 } });
    expect(await shown()).toEqual(['b', 'c']);
    expect(cursor()).toEqual({ row: 0, column: 1 });
  });

  it('draws everything anew after a change of size', async () => {
    const { terminal, output, screen, shown } = open(20, 3);
    const lines = ['a line of twenty 123', 'second'];
    screen.draw({ lines, cursor: null });
    await shown();
    terminal.resize(10, 5);
    Object.assign(output, { columns: 10, rows: 5 });
    screen.draw({ lines: ['a line', 'second'], cursor: null });
    expect(await shown()).toEqual(['a line', 'second', '', '', '']);
  });

  it.each([
    [0, 0],
    [0, 24],
    [80, 0],
    [undefined, undefined],
  ])('is 80x24 where the terminal says that it is %sx%s, until a size comes', async (columns, rows) => {
    const { output, screen, shown } = open(80, 24);
    Object.assign(output, { columns, rows });
    screen.draw({ lines: ['first', '─'.repeat(80), 'last'], cursor: { row: 2, column: 4 } });
    expect((await shown()).slice(0, 3)).toEqual(['first', '─'.repeat(80), 'last']);
  });

  it('shows everything again where something else was written over it', async () => {
    const { terminal, screen, shown, cursor } = open(20, 3);
    screen.refresh();
    screen.draw({ lines: ['one', 'two'], cursor: { row: 1, column: 3 } });
    await shown();
    terminal.write('\u001b[2J\u001b[H$ fg');
    screen.refresh();
    expect(await shown()).toEqual(['one', 'two', '']);
    expect(cursor()).toEqual({ row: 1, column: 3 });
  });
});
