import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificate } from '../../chat-node/dist/profile/certificate.js';
import { baseEnvironment, RunningProcess, type World } from '../../e2e/support/processes.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));

export interface FloorFigures {
  perSecond: number;
  /** Of a lone message, from before its save to its ack, in milliseconds. */
  p50: number;
  p95: number;
  p99: number;
}

/** Runs the floor's two programs once. */
export async function measureFloor(world: World, messages: number, lone: number): Promise<FloorFigures> {
  const folder = await world.folder('floor');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const env = {
    ...baseEnvironment(),
    FLOOR_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    FLOOR_CERT: await createCertificate({ privateKey, publicKey }),
  };
  const start = (program: string, ...args: string[]): RunningProcess =>
    world.track(
      new RunningProcess(
        program,
        spawn(process.execPath, [join(HERE, program), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }),
      ),
    );
  const receiver = start('receiver.ts', join(folder, 'receiver.db'));
  const port = await receiver.line('port', (line) => line);
  const sender = start('sender.ts', join(folder, 'sender.db'), port, String(messages), String(lone));
  const figures = await sender.line('figures', (line) => JSON.parse(line) as FloorFigures);
  await receiver.kill();
  return figures;
}
