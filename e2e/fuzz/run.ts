/*
 * `make fuzz`: throws mutated input at everything that strangers can reach.
 *
 *   --seed N      the cases of an earlier run; it is printed at the start
 *   --target T    wire, stored, text, discovery or control alone
 *   --case N      one case of it
 *   --cases N     so many cases of each
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { fuzzHttp } from './http.ts';
import { fuzzStored } from './stored.ts';
import { fuzzText } from './text.ts';
import { fuzzWire } from './wire.ts';

const TARGETS = {
  wire: { cases: 1_000_000, fuzz: fuzzWire },
  stored: { cases: 100_000, fuzz: fuzzStored },
  text: { cases: 100_000, fuzz: fuzzText },
  discovery: { cases: 100_000, fuzz: fuzzHttp.bind(null, 'discovery') },
  control: { cases: 100_000, fuzz: fuzzHttp.bind(null, 'control') },
};

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    target: { type: 'string' },
    case: { type: 'string' },
    cases: { type: 'string' },
  },
});
const seed = values.seed === undefined ? randomInt(1, 2 ** 31) : Number(values.seed);
const chosen = Object.entries(TARGETS).filter(
  ([name]) => values.target === undefined || values.target === name,
);
if (chosen.length === 0 || Number.isNaN(seed)) {
  console.error(`--seed takes a number, --target one of ${Object.keys(TARGETS).join(', ')}`);
  process.exit(2);
}
console.log(`seed ${seed}`);
for (const [name, target] of chosen) {
  const began = performance.now();
  const from = Number(values.case ?? 0);
  const count = values.case === undefined ? Number(values.cases ?? target.cases) : 1;
  await target.fuzz(seed, from, count);
  const seconds = (performance.now() - began) / 1_000;
  console.log(`${name}: ${count.toLocaleString('en')} cases in ${seconds.toFixed(1)} s, no finding`);
}
