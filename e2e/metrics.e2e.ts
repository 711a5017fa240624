import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROL_FILE, type ControlFile } from '@p2p-chat/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, World } from './support/processes.js';

// What stands in an expression beside names of metrics and labels.
const LANGUAGE = new Set(['sum', 'by', 'rate', 'offset', 'and', 'or', 'for']);
// Prometheus makes it for each target.
const BY_PROMETHEUS = new Set(['up']);

/** The names of metrics in an expression of PromQL. */
function metricsIn(expression: string): string[] {
  const plain = expression
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replace(/\bby \([^)]*\)/g, ' ')
    .replace(/\boffset \w+/g, ' ');
  const names = plain.match(/[a-z_:][a-z0-9_:]*/gi) ?? [];
  return names.filter((name) => !LANGUAGE.has(name) && !BY_PROMETHEUS.has(name));
}

const read = (name: string): Promise<string> => readFile(join(ROOT, 'docs', name), 'utf8');

describe('what the documents say of metrics', () => {
  const world = new World();
  let exposed: Set<string>;
  let port: number;
  let token: string;
  const metricsOfNode = (bearer: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/api/metrics`, { headers: { authorization: `Bearer ${bearer}` } });
  beforeAll(async () => {
    const { url } = await world.discovery();
    const headers = { 'content-type': 'application/json' };
    for (const body of ['{"PORT":1,"USER":"Anna"}', '{}']) await fetch(url, { method: 'PUT', headers, body });
    const text = await (await fetch(`${url}/metrics`)).text();
    const node = await world.daemon({ user: 'Anna', discovery: [url], env: { P2P_CHAT_METRICS: 'on' } });
    ({ port, token } = JSON.parse(await readFile(join(node.home, CONTROL_FILE), 'utf8')) as ControlFile);
    const ofNode = await metricsOfNode(token);
    expect(ofNode.headers.get('content-type')).toMatch(/^text\/plain/);
    exposed = new Set(
      [...(text + (await ofNode.text())).matchAll(/^([a-z_][a-z0-9_]*)[ {]/gm)].map(([, name]) => name!),
    );
  });
  afterAll(() => world.close());

  const missing = (names: readonly string[]): string[] => names.filter((name) => !exposed.has(name));

  it('gives those of a node to nobody without its token', async () => {
    expect((await metricsOfNode('guessed')).status).toBe(401);
  });

  it('has only metrics in the alerts that there are', async () => {
    const expressions = [...(await read('operations/alerts.yml')).matchAll(/^\s+expr: (.+)$/gm)];
    const names = expressions.flatMap(([, expression]) => metricsIn(expression!));
    expect(names.length).toBeGreaterThan(5);
    expect(missing(names)).toEqual([]);
  });

  it('has only metrics in the dashboard that there are', async () => {
    const dashboard = JSON.parse(await read('operations/grafana-dashboard.json')) as {
      panels: { targets: { expr: string }[] }[];
    };
    const names = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr)));
    expect(names.length).toBeGreaterThan(8);
    expect(missing(names)).toEqual([]);
  });

  it('names every metric of its own in the guide, and no other', async () => {
    const guide = [...(await read('operations.md')).matchAll(/p2p_chat_(?:discovery|node)_\w+/g)].map(
      ([name]) => name,
    );
    const own = [...exposed].filter((name) => name.startsWith('p2p_chat_'));
    expect([...new Set(guide)].sort()).toEqual(own.sort());
  });
});
