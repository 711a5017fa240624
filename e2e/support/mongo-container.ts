import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { dockerOk } from './compose.ts';
import { freePort, waitFor } from './processes.ts';

/** How long a MongoDB may take to answer, also when it recovers from a kill. */
const START_TIMEOUT_MS = 60_000;

/** Whether there is a Docker engine to run containers. */
export function hasDocker(): boolean {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A MongoDB server of one test's own, which may be killed without harm to others. */
export class MongoContainer {
  private constructor(
    readonly name: string,
    readonly port: number,
  ) {}

  /**
   * Starts a server and waits until it answers.
   * @param dataMiB keeps its data in memory, in so much of it; without, on the disk
   */
  static async start(dataMiB?: number): Promise<MongoContainer> {
    // A port of our choice: one that Docker chose would be another after a restart.
    const port = await freePort();
    const name = `p2p-chat-test-mongo-${randomUUID()}`;
    const publish = ['--publish', `127.0.0.1:${port}:27017`];
    const disk = dataMiB === undefined ? [] : ['--tmpfs', `/data/db:size=${dataMiB}m`];
    await dockerOk(['run', '--detach', '--name', name, ...publish, ...disk, 'mongo:8']);
    const container = new MongoContainer(name, port);
    await container.untilAnswers();
    return container;
  }

  /** A connection string for a database that nobody else uses. */
  database(): string {
    return `mongodb://127.0.0.1:${this.port}/p2p-chat-${randomUUID()}?directConnection=true`;
  }

  /** Ends the server at once (SIGKILL). */
  async kill(): Promise<void> {
    await dockerOk(['kill', this.name]);
  }

  /** Starts it again with the data that it had; it may take a while to answer. */
  async startAgain(): Promise<void> {
    await dockerOk(['start', this.name]);
  }

  /** Takes all the space that is left for its data. */
  async fillDisk(): Promise<void> {
    // It ends with an error when the disk is full: that is what it is for.
    await dockerOk(['exec', this.name, 'sh', '-c', 'dd if=/dev/zero of=/data/db/ballast bs=4k || true']);
  }

  async freeDisk(): Promise<void> {
    await dockerOk(['exec', this.name, 'rm', '/data/db/ballast']);
  }

  /** Stops it in its tracks: connections stay open and nothing answers. */
  async freeze(): Promise<void> {
    await dockerOk(['pause', this.name]);
  }

  async thaw(): Promise<void> {
    await dockerOk(['unpause', this.name]);
  }

  /** Waits until the server answers. */
  async untilAnswers(): Promise<void> {
    await waitFor(
      'MongoDB to answer',
      async () => {
        const options = { serverSelectionTimeoutMS: 1_000, directConnection: true };
        const connection = mongoose.createConnection(`mongodb://127.0.0.1:${this.port}/admin`, options);
        try {
          await connection.asPromise();
          return (await connection.db?.command({ ping: 1 }))?.['ok'] === 1;
        } finally {
          await connection.close(true);
        }
      },
      START_TIMEOUT_MS,
    );
  }

  /** Removes it and all that it holds. */
  async remove(): Promise<void> {
    await dockerOk(['rm', '--force', '--volumes', this.name]);
  }
}
