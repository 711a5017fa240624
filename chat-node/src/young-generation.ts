import { setFlagsFromString } from 'node:v8';

// What loading the modules leaves behind would make V8 double its young
// generation up to 32 MiB, which stay resident for as long as the process
// runs. V8 looks at this flag whenever it considers growing.
const HELD = 1;
const NORMAL = 2;

/** Keeps V8's young generation small until {@link letYoungGenerationGrow}. */
export function holdYoungGeneration(): void {
  setFlagsFromString(`--semi-space-growth-factor=${HELD}`);
}

/** From now on it grows with the load, as V8 has it by itself. */
export function letYoungGenerationGrow(): void {
  setFlagsFromString(`--semi-space-growth-factor=${NORMAL}`);
}
