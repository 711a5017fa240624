import { CONTROL_ROUTES, type ConversationView, type MessageView, SystemClock } from '@p2p-chat/shared';
import { ConnectionError, ControlApi, LiveView } from '@p2p-chat/shared/client';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlApp } from '../testing/control-app.js';
import { MemoryNetwork } from '../testing/memory-network.js';
import { TestKeys } from '../testing/test-keys.js';
import { untilOn } from '../testing/until.js';

let clock: ManualClock;
let network: MemoryNetwork;
let alice: ControlApp;
let bob: ControlApp;
let view: LiveView;
/** What the view asked for since it was there. */
let asked: string[];
let leaving: AbortController;
const until = untilOn(() => clock);
/** Longer than nodes wait before they dial again. */
const untilDialled = untilOn(() => clock, 2_000);
const bobsId = new TestKeys('Bob').peerId;
const alicesId = new TestKeys('Alice').peerId;

beforeEach(async () => {
  leaving = new AbortController();
  clock = new ManualClock(Date.UTC(2026, 10, 29));
  network = new MemoryNetwork(clock);
  alice = await ControlApp.start('Alice', { clock, network });
  bob = await ControlApp.start('Bob', { clock, network });
  await alice.ask('put', CONTROL_ROUTES.accept(bobsId)).expect(200);
  await bob.ask('put', CONTROL_ROUTES.accept(alicesId)).expect(200);
  await linked();
  asked = [];
  view = new LiveView(new AskingApi(alice), new SystemClock(), leaving.signal);
  await view.start();
  asked = [];
});
afterEach(async () => {
  leaving.abort();
  await Promise.all([alice.stop(), bob.stop()]);
});

class AskingApi extends ControlApi {
  constructor(app: ControlApp) {
    super({
      locate: () => Promise.resolve({ baseUrl: `http://127.0.0.1:${app.port}`, token: app.token }),
      notRunning: () => new ConnectionError('node-not-running', 'No node is running.'),
      clock: new SystemClock(),
    });
  }

  protected override exchange(...[path, options]: Parameters<ControlApi['exchange']>): Promise<Response> {
    if (path !== CONTROL_ROUTES.status) asked.push(path);
    return super.exchange(path, options);
  }
}

const linked = (): Promise<void> =>
  untilDialled('a link', () => alice.chat.peers.links === 1 && bob.chat.peers.links === 1);

async function write(from: ControlApp, to: string, body: string): Promise<void> {
  await from.ask('post', CONTROL_ROUTES.messages(to)).send({ body }).expect(201);
}

async function arrived(body: string): Promise<void> {
  const path = CONTROL_ROUTES.messages('Bob');
  await until(body, async () =>
    ((await alice.ask('get', path)).body as MessageView[]).some((one) => one.body === body),
  );
}

/** Waits until the view has what the node would tell who asks now. */
async function agrees(): Promise<void> {
  let told: readonly ConversationView[] = [];
  const isSame = async (): Promise<boolean> => {
    told = (await alice.ask('get', CONTROL_ROUTES.conversations).expect(200)).body as ConversationView[];
    return JSON.stringify(shown(told)) === JSON.stringify(shown(view.store.get().conversations));
  };
  await until('the same list', isSame).catch(() => undefined);
  expect(shown(view.store.get().conversations)).toEqual(shown(told));
}

function shown(conversations: readonly ConversationView[]): object[] {
  return conversations.map(({ id, name, unread, last }) => ({ id, name, unread, last }));
}

describe('the view of a node', () => {
  it('follows what is written, read and delivered by the events alone', async () => {
    await write(bob, 'Alice', 'one');
    await write(bob, 'Alice', 'two');
    await arrived('two');
    await agrees();
    expect(view.store.get().conversations).toMatchObject([{ unread: 2, last: { body: 'two' } }]);
    await alice.ask('post', CONTROL_ROUTES.read('Bob')).send({}).expect(200);
    await agrees();
    expect(view.store.get().conversations).toMatchObject([{ unread: 0 }]);
    await write(alice, 'Bob', 'three');
    await agrees();
    await until('the delivery', () => view.store.get().conversations[0]?.last?.state === 'delivered');
    await agrees();
    expect(asked).toEqual([]);
  });

  it('counts what comes late and sorts before what is there', async () => {
    network.takeDown('block');
    network.cut();
    await until('the end of the link', () => alice.chat.peers.links === 0);
    await write(bob, 'Alice', 'written first');
    await clock.advance(60_000);
    await write(alice, 'Bob', 'written then');
    network.heal();
    await linked();
    await arrived('written first');
    await agrees();
    expect(view.store.get().conversations).toMatchObject([{ unread: 1, last: { body: 'written then' } }]);
    expect(asked).toEqual([]);
  });
});
