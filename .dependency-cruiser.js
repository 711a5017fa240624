// The import rules of the house (docs/architecture.md). `npm run lint` runs
// them; e2e/house.e2e.ts shows that each one fails when it is broken.
const adapters = [
  'transport',
  'discovery',
  'storage/sqlite',
  'storage/mongo',
  'storage/memory',
  'profile',
  'control-api',
  'notify',
  'blobs',
];
const TESTS = '(\\.(test|contract)\\.ts$|^chat-node/src/testing/)';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'A circular import passes in the tests and fails in the built services.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-imports-only-shared',
      comment: 'The core knows no adapter, no framework and no Node API but its ports.',
      severity: 'error',
      from: { path: '^chat-node/src/core/', pathNot: TESTS },
      to: { pathNot: ['^chat-node/src/core/', '^shared/', '@p2p-chat/shared'] },
    },
    ...adapters.map((adapter) => ({
      name: `adapter-${adapter.replace('/', '-')}-stands-alone`,
      comment: 'Adapters meet only in the modules.',
      severity: 'error',
      from: { path: `^chat-node/src/${adapter}/`, pathNot: TESTS },
      to: {
        path: [
          `^chat-node/src/(${[...adapters.filter((one) => one !== adapter), 'console', 'commands'].join('|')})/`,
          '\\.module\\.ts$',
        ],
        pathNot: `^chat-node/src/${adapter}/`,
      },
    })),
    {
      name: 'console-is-a-client',
      comment: 'The console reaches the node through shared/client only.',
      severity: 'error',
      from: { path: '^chat-node/src/console/', pathNot: TESTS },
      to: { path: '^chat-node/src/(?!console/)' },
    },
    {
      name: 'commands-are-clients',
      comment: 'Only the daemon command starts a node; the others are clients that know where a profile is.',
      severity: 'error',
      from: { path: '^chat-node/src/commands/', pathNot: [TESTS, 'commands/daemon\\.ts$'] },
      to: { path: '^chat-node/src/(?!(console|commands)/|profile/profile\\.ts$)' },
    },
    {
      name: 'web-is-a-client',
      comment: 'The page reaches the node through shared/client only, and nothing of Node.',
      severity: 'error',
      from: { path: '^web/src/', pathNot: '\\.test\\.ts$' },
      to: {
        path: [
          '^(chat-node|discovery-service)/',
          '^shared/src/(node|dns-sd)/',
          '^(node:)?[a-z_]+(/promises)?$',
        ],
      },
    },
    {
      name: 'protocol-control-client-are-isomorphic',
      comment: 'A browser runs them as well: hash and signature are handed in.',
      severity: 'error',
      from: { path: '^shared/src/(protocol|control|client)/', pathNot: '\\.test\\.ts$' },
      to: { reachable: true, path: '^(shared/src/(node|dns-sd)/|(node:)?[a-z_]+(/promises)?$)' },
    },
    {
      name: 'shared-is-framework-free',
      severity: 'error',
      from: { path: '^shared/src/' },
      to: { path: '(nestjs|fastify|mongoose|inquirer|class-validator|class-transformer)' },
    },
    {
      name: 'services-stay-apart',
      severity: 'error',
      from: { path: '^(discovery-service|chat-node)/src/' },
      to: { path: '^(discovery-service|chat-node|web)/src/', pathNot: '^$1/src/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.check.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
