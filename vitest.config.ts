import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// `source` makes the workspaces resolve each other's TypeScript, so a unit
// test never runs against a stale build.
const conditions = ['source', 'node', 'import', 'default'];

/** What takes long by its nature: failing disks, floods, every size of a terminal, large numbers, restores. */
const LONG_SCENES = [
  'console-problems',
  'console-terminal',
  'discovery',
  'doctor',
  'edges',
  'faults',
  'files-faults',
  'foreign-text',
  'fuzz/fuzz',
  'group-liars',
  'group-rules',
  'herd',
  'hostile-discovery',
  'import',
  'queued',
  'read-only',
  'restore',
  'search',
  'simultaneous-dials',
  'sources',
  'storage',
  'storage-deaf-peer',
  'storage-states',
  'strangers',
  'strangers-http',
  'trust',
].map((name) => `e2e/${name}.e2e.ts`);

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Tests of real processes wait more than they work: two files for each core.
    maxWorkers: 2 * availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'shared/src/**/*.test.ts',
            'discovery-service/src/**/*.test.ts',
            'chat-node/src/**/*.test.ts',
            'web/src/**/*.test.ts',
          ],
          // A guard against hanging, not a measure: a busy machine is slow.
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.e2e.ts'],
          exclude: [
            ...LONG_SCENES,
            'e2e/docker*.e2e.ts',
            'e2e/lan*.e2e.ts',
            'e2e/web*.e2e.ts',
            'e2e/chaos/**',
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          // Minutes too, and needs only Node: `make test-long`.
          name: 'e2e-long',
          include: LONG_SCENES,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          // Minutes of kills and cuts: `make test-chaos`.
          name: 'e2e-chaos',
          include: ['e2e/chaos/**/*.e2e.ts'],
          testTimeout: 420_000,
        },
      },
      {
        extends: true,
        test: {
          // Needs root and network namespaces: `make test-lan`.
          name: 'e2e-lan',
          include: ['e2e/lan*.e2e.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          // Needs Chromium: `make test-web`.
          name: 'e2e-web',
          include: ['e2e/web*.e2e.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // Needs a Docker engine: `make test-docker`.
          name: 'e2e-docker',
          include: ['e2e/docker*.e2e.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
