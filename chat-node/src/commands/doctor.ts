import { styleText } from 'node:util';
import {
  type DiagnosisLine,
  type DiagnosisResult,
  type DiagnosisVerdict,
  errorCode,
  errorMessage,
  P2pChatError,
  safeLine,
} from '@p2p-chat/shared';
import { AttachedNode } from '../console/attached-node.js';
import { ControlClient } from '../console/control-client.js';
import { resolveProfile } from '../profile/profile.js';
import { EXIT, type ExitStatus } from './exit-status.js';
import { note, print, printJson, type Io } from './io.js';
import { settings, type NodeFlags } from './settings.js';

export interface DoctorFlags extends NodeFlags {
  json?: boolean;
}

/** How long a node that was just started may take to find the peer, in milliseconds. */
const FIND_MS = 5_000;
const LOOK_MS = 200;
const STATE_WIDTH = 'skipped'.length;
const HOP_WIDTH = 'registry-announcement'.length;

/**
 * `doctor`: walks the hops from this node, to a peer where one is given, and
 * names the first one that fails. Where no node runs, one runs for as long as
 * that takes.
 * @returns the exit status: 1 where a hop fails
 */
export async function doctor(io: Io, peer: string | undefined, flags: DoctorFlags): Promise<ExitStatus> {
  const env = settings(io.env, flags);
  const { home } = resolveProfile(env);
  const client = new ControlClient(home, io.clock);
  const printer = new Printer(io, flags.json === true);
  let node: AttachedNode | null = null;
  try {
    if (!(await isRunning(client, io))) {
      note(io, 'No node is running for this profile; one runs for as long as this takes.');
      try {
        node = await AttachedNode.start({ main: io.main, env, home });
      } catch (error) {
        return await printer.all(notStarted(home, error));
      }
      if (peer !== undefined) await untilFound(client, peer, io);
    }
    return await printer.all(client.diagnose(peer, io.interruption()));
  } finally {
    await node?.release();
  }
}

async function isRunning(client: ControlClient, io: Io): Promise<boolean> {
  try {
    await client.status(io.interruption());
    return true;
  } catch (error) {
    if (errorCode(error) === 'node-not-running') return false;
    throw error;
  }
}

// A node that has just come up has heard of nobody yet.
async function untilFound(client: ControlClient, peer: string, { clock, interruption }: Io): Promise<void> {
  const signal = interruption();
  const deadline = clock.monotonic() + FIND_MS;
  while (clock.monotonic() < deadline && !signal.aborted) {
    const found = await client.peer(peer, signal).catch(() => null);
    if (found?.online === true) return;
    await clock.sleep(LOOK_MS, signal);
  }
}

function* notStarted(home: string, error: unknown): Generator<DiagnosisLine> {
  const detail = errorMessage(error);
  const advice = error instanceof P2pChatError ? error.hint : undefined;
  const failed = { hop: 'node', subject: home } as const;
  const more = advice === undefined ? {} : { advice };
  yield { type: 'hop', ...failed, state: 'failed', detail, ...more, ms: 0 };
  yield { type: 'verdict', ok: false, sentence: detail, ...more, failed };
}

class Printer {
  /** Whether the last line on the screen only says what is being looked at. */
  #looking = false;

  constructor(
    private readonly io: Io,
    private readonly json: boolean,
  ) {}

  async all(lines: Iterable<DiagnosisLine> | AsyncIterable<DiagnosisLine>): Promise<ExitStatus> {
    let status: ExitStatus = EXIT.failed;
    for await (const line of lines) {
      if (this.json) await printJson(this.io, line);
      else await this.#prose(line);
      if (line.type === 'verdict' && line.ok) status = EXIT.done;
    }
    return status;
  }

  async #prose(line: DiagnosisLine): Promise<void> {
    const before = this.#looking ? '\r\u001b[2K' : '';
    this.#looking = false;
    switch (line.type) {
      case 'looking':
        // Only where it can be taken back.
        if (this.io.stdout.isTTY !== true) return;
        this.#looking = true;
        return print(this.io, `${before}${styleText('dim', `looking at ${whatOf(line.at)} …`)}`);
      case 'hop':
        return print(this.io, `${before}${hopLine(line)}\n`);
      case 'verdict':
        return print(this.io, `${before}\n${verdictLines(line)}\n`);
    }
  }
}

function whatOf(at: readonly Pick<DiagnosisResult, 'hop' | 'subject'>[]): string {
  const [first] = at;
  return first === undefined ? '' : safeLine(`${first.hop} ${first.subject}`);
}

function hopLine({ hop, subject, state, detail, ms }: DiagnosisResult): string {
  const colour = { ok: 'green', failed: 'red', skipped: 'dim' } as const;
  const where = subject === '' ? '' : `${safeLine(subject)}: `;
  const time = state === 'skipped' ? '' : ` (${ms} ms)`;
  const mark = styleText(colour[state], state.padEnd(STATE_WIDTH));
  return `${mark}  ${safeLine(hop).padEnd(HOP_WIDTH)}  ${where}${safeLine(detail)}${time}`;
}

function verdictLines({ ok, sentence, advice }: DiagnosisVerdict): string {
  const first = styleText(ok ? 'green' : 'red', safeLine(sentence));
  return advice === undefined ? first : `${first}\n${safeLine(advice)}`;
}
