import type { SeededRandom } from './seeded-random.ts';

/** What a line does to what passes until it is cut or healed. */
export const LINE_FAULTS = [
  'open',
  'refuse',
  'half-close',
  'stall',
  'delay',
  'split',
  'swallow-answers',
  'swallow-requests',
] as const;
export type LineFault = (typeof LINE_FAULTS)[number];

/**
 * What a kill waits for: nothing, or the moment in which the process sends
 * something to the other one (so it says that it saved), gets something from
 * it (so it has not saved yet), or tells its client that it accepted.
 */
export const MOMENTS = ['any', 'sends', 'receives', 'accepts'] as const;
export type Moment = (typeof MOMENTS)[number];

/** One thing that goes wrong, after `afterMs` of traffic. Times in milliseconds. */
export type Round = { afterMs: number } & (
  | {
      type: 'kill';
      /** Which nodes, by number: of two, both or one; of a group, some. */
      nodes: readonly number[];
      /** When each is killed; see {@link MOMENTS}. */
      moment: Moment;
      /** What the lines do just before, so that answers to what was saved are lost with the process. */
      line: LineFault;
      lineMs: number;
      /** A first start is killed after so long; null: it is left to come up. */
      killedStartMs: number | null;
      /** Whether it comes back at another port. */
      moves: boolean;
      /** For how many rounds it is away; those of a group go on without it. */
      awayRounds: number;
    }
  | { type: 'cut'; line: LineFault; lineMs: number }
  /** As a cut, but the line recovers. */
  | { type: 'disturb'; line: Extract<LineFault, 'stall' | 'delay' | 'split'>; lineMs: number }
);

/** Shares of the rounds; the rest are disturbances. With 150 rounds: 42 kills and 102 cuts. */
const KILLS = 0.28;
const CUTS = 0.68;

/** Share of the kills in a group after which somebody is away, and for how many rounds at most. */
const AWAY = 0.4;
const MAX_AWAY_ROUNDS = 10;

/** A campaign of so many rounds for so many nodes. The same numbers make the same plan. */
export function makePlan(rounds: number, nodes: number, random: SeededRandom): Round[] {
  const kills = Math.round(rounds * KILLS);
  const cuts = Math.round(rounds * CUTS);
  const types = Array.from({ length: rounds }, (_, n): Round['type'] =>
    n < kills ? 'kill' : n < kills + cuts ? 'cut' : 'disturb',
  );
  return random.shuffle(types).map((type) => makeRound(type, nodes, random));
}

function makeRound(type: Round['type'], nodes: number, random: SeededRandom): Round {
  const afterMs = random.integer(0, 500);
  const lineMs = random.integer(0, 250);
  switch (type) {
    case 'kill':
      return {
        type,
        afterMs,
        lineMs,
        nodes: someOf(nodes, random),
        moment: random.pick(MOMENTS),
        line: random.pick(['open', 'open', 'stall', 'swallow-answers', 'swallow-requests'] as const),
        killedStartMs: random.chance(0.15) ? random.integer(50, 900) : null,
        moves: random.chance(0.2),
        awayRounds: nodes > 2 && random.chance(AWAY) ? random.integer(1, MAX_AWAY_ROUNDS) : 0,
      };
    case 'cut':
      return { type, afterMs, lineMs, line: random.pick(LINE_FAULTS) };
    case 'disturb':
      return { type, afterMs, lineMs, line: random.pick(['stall', 'delay', 'split'] as const) };
  }
}

/** One node, or with a chance of one in five a second one. */
function someOf(nodes: number, random: SeededRandom): number[] {
  const all = random.shuffle(Array.from({ length: nodes }, (_, nth) => nth));
  return all.slice(0, random.chance(0.2) ? 2 : 1);
}
