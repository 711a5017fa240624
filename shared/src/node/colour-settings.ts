/**
 * Settles a contradiction as Node does, where FORCE_COLOR goes before
 * NO_COLOR, and without the warning that it prints: what reads the output of
 * a command reads what it prints on stderr, too. An empty FORCE_COLOR is none.
 * Libraries look as soon as they are loaded, so this comes before them.
 * @param env the environment of the process, which is changed
 */
export function settleColours(env: NodeJS.ProcessEnv): void {
  if (env.FORCE_COLOR === undefined) return;
  if (env.FORCE_COLOR === '' && env.NO_COLOR) {
    delete env.FORCE_COLOR;
    return;
  }
  delete env.NO_COLOR;
  delete env.NODE_DISABLE_COLORS;
}
