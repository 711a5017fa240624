import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * Runs a program on this process's terminal and leaves all signals to it.
 * @returns its exit status, by the shell's rule where a signal ended it
 */
export function runInForeground(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env });
    // The terminal sends these two to both; the program decides what they mean.
    process.on('SIGINT', () => undefined);
    process.on('SIGHUP', () => undefined);
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
