/*
 * The scenes of the pictures, played with the real program: a discovery
 * service, two people, and what their terminals show.
 */
import { freePort, runCli, World } from '../e2e/support/processes.ts';
import { TerminalSession } from '../e2e/support/terminal.ts';
import { renderSvg } from './svg.ts';

const SIZE = { columns: 58, rows: 13 };

/** Who says what, in turn. */
const TALK = [
  ['Alice', 'Are you in the lab already?'],
  ['Bob', 'Since seven. Both builds are green.'],
  ['Alice', 'Then lunch is on me. 12:30 at the gate?'],
  ['Bob', 'I am there.'],
] as const;

class Person {
  readonly user: string;
  readonly session: TerminalSession;
  readonly #env: Record<string, string>;

  private constructor(user: string, env: Record<string, string>, session: TerminalSession) {
    this.user = user;
    this.session = session;
    this.#env = env;
  }

  static async open(world: World, user: string, discovery: string): Promise<Person> {
    const env = {
      P2P_CHAT_USER: user,
      P2P_CHAT_HOME: await world.folder(user),
      P2P_CHAT_HOST: '127.0.0.1',
      P2P_CHAT_PORT: String(await freePort()),
      DISCOVERY_URLS: discovery,
    };
    const colours = { COLORTERM: 'truecolor', FORCE_COLOR: '1', NO_COLOR: '' };
    const session = TerminalSession.console({ ...env, ...colours }, SIZE);
    await session.until('Read Messages');
    return new Person(user, env, session);
  }

  /** Opens the conversation with somebody, whom this one has accepted before. */
  async talkTo(other: string): Promise<void> {
    await this.session.until('1 online');
    await runCli(['accept', other], { env: this.#env });
    await this.session.choose('Send Messages');
    await this.session.choose(other);
    await this.session.until('›');
  }
}

/**
 * Plays every scene.
 * @returns the pictures, by the names of their files
 */
export async function drawPictures(): Promise<Map<string, string>> {
  const world = new World();
  const people: Person[] = [];
  try {
    const discovery = await world.discovery();
    for (const user of ['Alice', 'Bob']) people.push(await Person.open(world, user, discovery.url));
    const [alice, bob] = people as [Person, Person];
    await alice.talkTo('Bob');
    await bob.talkTo('Alice');
    for (const [user, text] of TALK) {
      const [writer, reader] = user === 'Alice' ? [alice.session, bob.session] : [bob.session, alice.session];
      writer.type(text);
      await writer.until(`› ${text}`);
      writer.press('enter');
      await reader.until(`${user}: ${text}`);
      await writer.until(`${text} ✓✓ read`);
    }
    for (const { session } of people) {
      await session.until((screen) => !screen.includes('unread') && !screen.includes('typing'));
    }
    const shots = people.map(({ user, session }) => ({ title: user, terminal: session.terminal }));
    return new Map([['two-consoles.svg', renderSvg(shots)]]);
  } finally {
    await Promise.all(people.map(({ session }) => session.kill('SIGHUP')));
    await world.close();
  }
}
