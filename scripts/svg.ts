import type { IBuffer, IBufferCell, Terminal } from '@xterm/headless';

/** A terminal of a picture, with what stands in its title bar. */
export interface Shot {
  title: string;
  terminal: Terminal;
}

const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 18;
const FONT_SIZE = 14;
const PADDING = 12;
const TITLE_BAR = 28;
const GAP = 16;

const INK = '#d8dee9';
const PAPER = '#1b1f27';
const FRAME = '#2b313c';
// The sixteen colours of a terminal, to be read on PAPER.
const PALETTE = [
  ...['#3b4252', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d8dee9'],
  ...['#7f8794', '#ff8b94', '#b5e08f', '#f5d08b', '#82c4ff', '#dda0f0', '#7fd5e0', '#ffffff'],
];

interface Style {
  ink: string;
  paper: string | null;
  bold: boolean;
  italic: boolean;
  underline: boolean;
  dim: boolean;
}

/** Draws what the terminals show now, side by side, as one SVG file. */
export function renderSvg(shots: readonly Shot[]): string {
  let left = 0;
  let height = 0;
  const windows = shots.map((shot) => {
    const { markup, width, height: own } = renderWindow(shot);
    const placed = `<g transform="translate(${left} 0)">\n${markup}</g>\n`;
    left += width + GAP;
    height = Math.max(height, own);
    return placed;
  });
  const width = round(left - GAP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}">\n`,
    `<desc>${escape(described(shots))}</desc>\n`,
    ...windows,
    '</svg>\n',
  ].join('');
}

/**
 * What the terminals show, as text: for who cannot see the picture, and to
 * compare it with what the program shows now. What differs from run to run
 * (times, short peer ids) stands as zeros and dots.
 */
export function described(shots: readonly Shot[]): string {
  return shots
    .map(({ title, terminal }) => {
      const { active } = terminal.buffer;
      const lines = Array.from(
        { length: terminal.rows },
        (_, row) =>
          active
            .getLine(active.viewportY + row)
            ?.translateToString(true)
            .trimEnd() ?? '',
      );
      return [`${title}:`, ...lines].join('\n').trimEnd();
    })
    .join('\n\n')
    .replace(/\d{4}-\d\d-\d\d/g, '0000-00-00')
    .replace(/\b\d\d:\d\d\b/g, '00:00')
    .replace(/\([a-z2-7]{8}\)/g, '(........)');
}

/** The text that {@link renderSvg} put into a picture. */
export function descriptionOf(svg: string): string {
  const [, text = ''] = /<desc>([\s\S]*?)<\/desc>/.exec(svg) ?? [];
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}

function renderWindow({ title, terminal }: Shot): { markup: string; width: number; height: number } {
  const width = round(terminal.cols * CELL_WIDTH + 2 * PADDING);
  const height = round(terminal.rows * CELL_HEIGHT + 2 * PADDING + TITLE_BAR);
  const dots = ['#e06c75', '#e5c07b', '#98c379'].map(
    (colour, index) => `<circle cx="${18 + 18 * index}" cy="14" r="5" fill="${colour}"/>`,
  );
  const rows = Array.from({ length: terminal.rows }, (_, row) => renderRow(terminal.buffer.active, row));
  const markup = [
    `<rect width="${width}" height="${height}" rx="8" fill="${PAPER}"/>`,
    `<path d="M0 ${TITLE_BAR}V8a8 8 0 0 1 8-8h${width - 16}a8 8 0 0 1 8 8v${TITLE_BAR - 8}z" fill="${FRAME}"/>`,
    ...dots,
    `<text x="${width / 2}" y="19" text-anchor="middle" fill="${INK}">${escape(title)}</text>`,
    `<g transform="translate(${PADDING} ${TITLE_BAR + PADDING})">`,
    ...rows,
    '</g>\n',
  ].join('\n');
  return { markup, width, height };
}

function renderRow(buffer: IBuffer, row: number): string {
  const line = buffer.getLine(buffer.viewportY + row);
  if (line === undefined) return '';
  const runs: { start: number; cells: number; text: string; style: Style }[] = [];
  for (let column = 0; column < line.length; column += 1) {
    const cell = line.getCell(column);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const style = styleOf(cell);
    const text = cell.getChars() || ' ';
    const last = runs.at(-1);
    // A wide character is a run of its own, so that it takes its two cells.
    const joins =
      last !== undefined &&
      cell.getWidth() === 1 &&
      same(last.style, style) &&
      last.cells === last.text.length;
    if (joins) {
      last.text += text;
      last.cells += 1;
    } else {
      runs.push({ start: column, cells: cell.getWidth(), text, style });
    }
  }
  const y = round(row * CELL_HEIGHT);
  return runs.map((run) => renderRun(run, y)).join('');
}

function renderRun(run: { start: number; cells: number; text: string; style: Style }, y: number): string {
  const { style } = run;
  const x = round(run.start * CELL_WIDTH);
  const width = round(run.cells * CELL_WIDTH);
  const background =
    style.paper === null
      ? ''
      : `<rect x="${x}" y="${y}" width="${width}" height="${CELL_HEIGHT}" fill="${style.paper}"/>`;
  const text = run.text.trimEnd();
  if (text === '') return background;
  const attributes = [
    `x="${x}" y="${y + FONT_SIZE - 1}" fill="${style.ink}"`,
    `textLength="${round((width * text.length) / run.text.length)}" xml:space="preserve"`,
    ...(style.bold ? ['font-weight="bold"'] : []),
    ...(style.italic ? ['font-style="italic"'] : []),
    ...(style.underline ? ['text-decoration="underline"'] : []),
    ...(style.dim ? ['opacity="0.6"'] : []),
  ];
  return `${background}<text ${attributes.join(' ')}>${escape(text)}</text>`;
}

function styleOf(cell: IBufferCell): Style {
  const ink = cell.isFgDefault() ? null : colour(cell.isFgRGB(), cell.getFgColor());
  const paper = cell.isBgDefault() ? null : colour(cell.isBgRGB(), cell.getBgColor());
  const inverse = cell.isInverse() !== 0;
  return {
    ink: (inverse ? (paper ?? PAPER) : ink) ?? INK,
    paper: inverse ? (ink ?? INK) : paper,
    bold: cell.isBold() !== 0,
    italic: cell.isItalic() !== 0,
    underline: cell.isUnderline() !== 0,
    dim: cell.isDim() !== 0,
  };
}

/** A colour of the palette of 256, or of 24 bits, as CSS. */
function colour(rgb: boolean, value: number): string {
  if (rgb) return `#${value.toString(16).padStart(6, '0')}`;
  const basic = PALETTE[value];
  if (basic !== undefined) return basic;
  if (value >= 232) {
    const grey = 8 + 10 * (value - 232);
    return `rgb(${grey},${grey},${grey})`;
  }
  const steps = [0, 95, 135, 175, 215, 255];
  const cube = value - 16;
  const channels = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(
    (step) => steps[step] ?? 0,
  );
  return `rgb(${channels.join(',')})`;
}

function same(one: Style, other: Style): boolean {
  return (Object.keys(one) as (keyof Style)[]).every((key) => one[key] === other[key]);
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
