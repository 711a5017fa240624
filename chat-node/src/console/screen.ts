import { sizeOf, type Size } from './layout.js';

/** What is to be seen: lines that fit the terminal, and where the cursor is; null hides it. */
export interface Frame {
  lines: readonly string[];
  cursor: { row: number; column: number } | null;
}

const CSI = '\u001b[';
const HIDE_CURSOR = `${CSI}?25l`;
const SHOW_CURSOR = `${CSI}?25h`;
const CLEAR = `${CSI}2J`;
// DEC mode 2026: a terminal that has it shows all that is between at once.
const BEGIN_UPDATE = `${CSI}?2026h`;
const END_UPDATE = `${CSI}?2026l`;

/** The whole terminal as one picture: only the lines that changed are written. */
export class Screen {
  #shown: readonly string[] = [];
  #cursor = '';
  #size: Size = { columns: 0, rows: 0 };
  #last: Frame | null = null;

  constructor(private readonly output: Pick<NodeJS.WriteStream, 'write' | 'columns' | 'rows'>) {}

  /** Shows the last frame anew: something else was written over it. */
  refresh(): void {
    this.#size = { columns: 0, rows: 0 };
    if (this.#last !== null) this.draw(this.#last);
  }

  /** Shows a frame. Of one that is too high, the end is shown: there one writes. */
  draw(frame: Frame): void {
    this.#last = frame;
    const { columns, rows } = sizeOf(this.output);
    let text = '';
    if (columns !== this.#size.columns || rows !== this.#size.rows) {
      // The terminal has folded what stood there: nobody knows where its lines are now.
      this.#size = { columns, rows };
      this.#shown = [];
      this.#cursor = '';
      text += CLEAR;
    }
    const hidden = Math.max(0, frame.lines.length - rows);
    const lines = frame.lines.slice(hidden);
    for (let row = 0; row < Math.max(lines.length, this.#shown.length); row += 1) {
      const line = lines[row] ?? '';
      // Cleared first: clearing behind a full line would take its last character.
      if (line !== this.#shown[row]) text += `${moveTo(row, 0)}${CSI}2K${line}`;
    }
    this.#shown = lines;
    const { cursor } = frame;
    const place =
      cursor === null ? '' : moveTo(Math.max(0, cursor.row - hidden), cursor.column) + SHOW_CURSOR;
    if (text === '' && place === this.#cursor) return;
    this.#cursor = place;
    this.output.write(BEGIN_UPDATE + HIDE_CURSOR + text + place + END_UPDATE);
  }
}

function moveTo(row: number, column: number): string {
  return `${CSI}${row + 1};${column + 1}H`;
}
