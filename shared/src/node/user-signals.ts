/**
 * Ignores the two signals that mean nothing here. Left alone, SIGUSR1 would
 * open a port for a debugger in a process that holds keys, and SIGUSR2 would
 * end it without giving the terminal back.
 */
export function ignoreUserSignals(): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined);
}
