const PATHS = {
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zm5 12l4 4',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zm-6.5 9c0-3.5 3-5.5 6.500-5.500S15.500 16.500 15.500 20M16 4.300a3.500 3.500 0 0 1 0 6.400M18.500 14.800c1.900.8 3 2.600 3 5.200',
  chat: 'M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z',
  send: 'M4 12l16-8-5 16-3-7z',
  emoji:
    'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM8.500 10h.01M15.500 10h.01M8 14.500c1 1.300 2.300 2 4 2s3-.7 4-2',
  info: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 11v5M12 8h.01',
  down: 'M6 10l6 6 6-6',
  shield: 'M12 3l7 3v5c0 4.500-2.800 8-7 10-4.200-2-7-5.500-7-10V6zM9 12l2.200 2.200L15.500 10',
  warning: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  clock: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 8v4l3 2',
  tick: 'M5 12.500l4.500 4.500L19 7.500',
  ticks: 'M2 12.500l4.500 4.500L16 7.500M11 16.500l.5.5L21 7.500',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  folder: 'M3 6h6l2 2h10v11H3z',
  clip: 'M19 11l-7.5 7.5a4.600 4.600 0 0 1-6.500-6.500L13 4a3 3 0 0 1 4.300 4.300l-8 8a1.500 1.500 0 0 1-2.100-2.100l7.300-7.300',
  check: 'M5 4h14v16H5zM8.500 12l2.500 2.500 4.500-5',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  keyboard:
    'M4 6h16a1.500 1.500 0 0 1 1.500 1.500v9A1.500 1.500 0 0 1 20 18H4a1.500 1.500 0 0 1-1.500-1.500v-9A1.500 1.500 0 0 1 4 6zM6.500 10h.01M10 10h.01M14 10h.01M17.500 10h.01M8 14h8',
  blocked: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM6.500 6.500l11 11',
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside a text, or in a button that has a name: it says nothing by itself. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
