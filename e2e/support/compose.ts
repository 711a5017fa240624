import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { baseEnvironment, type CommandResult, parseJsonLines, ROOT } from './processes.ts';

/** Longer than any single command of the tests takes on a loaded machine, in milliseconds. */
const COMMAND_TIMEOUT_MS = 170_000;

const QUICK_HEALTH = 'e2e/support/quick-health.yml';

/** Runs `docker` to its end. */
export function docker(args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const options = {
      cwd: ROOT,
      env: { ...baseEnvironment(), ...env },
      timeout: COMMAND_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    };
    execFile('docker', args, options, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ status, stdout, stderr });
    });
  });
}

/** As {@link docker}, and throws where it fails. @returns what it printed on stdout */
export async function dockerOk(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { status, stdout, stderr } = await docker(args, env);
  if (status !== 0) throw new Error(`docker ${args.join(' ')} ended with ${status}:\n${stderr}\n${stdout}`);
  return stdout;
}

/** The set of docker-compose.yml under a name of its own: one person, or one discovery service. */
export class ComposeProject {
  readonly name: string;
  /** The settings, as a person would have them in the environment. */
  readonly env: Record<string, string>;
  readonly #files: readonly string[];

  /** @param files of Compose on top of docker-compose.yml, seen from the root */
  constructor(
    label: string,
    env: Record<string, string>,
    files: readonly string[] = [],
    name = `p2p-chat-test-${label}-${randomBytes(4).toString('hex')}`,
  ) {
    this.env = env;
    this.name = name;
    this.#files = ['docker-compose.yml', QUICK_HEALTH, ...files];
  }

  /** The same set, with other files on top of docker-compose.yml from now on. */
  with(files: readonly string[]): ComposeProject {
    return new ComposeProject('', this.env, files, this.name);
  }

  /** The arguments of `docker` for a command of Compose; `.env` of whoever runs the tests is left out. */
  arguments(args: readonly string[]): string[] {
    const files = this.#files.flatMap((file) => ['--file', join(ROOT, file)]);
    return ['compose', ...files, '--project-name', this.name, '--env-file', '/dev/null', ...args];
  }

  /** Runs a command of Compose; throws where it fails. @returns what it printed on stdout */
  compose(...args: string[]): Promise<string> {
    return dockerOk(this.arguments(args), this.env);
  }

  /** Runs `p2p-chat` inside the running chat-node container. */
  cli(...args: string[]): Promise<CommandResult> {
    return docker(this.arguments(['exec', '-T', 'chat-node', 'p2p-chat', ...args]), this.env);
  }

  /** As {@link cli} with `--json`: the objects that it printed; throws where it fails. */
  async json<T>(...args: string[]): Promise<T[]> {
    const result = await this.cli(...args, '--json');
    if (result.status !== 0) {
      throw new Error(`p2p-chat ${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
    }
    return parseJsonLines<T>(result.stdout);
  }

  /** Ids of the containers, one-off ones included. */
  async containers(): Promise<string[]> {
    const ids = await dockerOk(['ps', '-aq', '--filter', `label=com.docker.compose.project=${this.name}`]);
    return ids.split('\n').filter((id) => id !== '');
  }

  /** Removes everything of the project, volumes too; never throws. */
  async destroy(): Promise<void> {
    const ids = await this.containers();
    if (ids.length > 0) await docker(['rm', '--force', '--volumes', ...ids]);
    await docker(this.arguments(['down', '--volumes', '--timeout', '0']), this.env);
  }
}
