// The import rules of the house (docs/architecture.md). `npm run lint` runs
// them; e2e/house.e2e.ts shows that each one fails when it is broken.
const adapters = ['transport', 'discovery', 'storage/sqlite', 'profile', 'control-api', 'notify'];

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
      from: { path: '^chat-node/src/chat/', pathNot: '\\.(test|contract)\\.ts$' },
      to: { pathNot: ['^chat-node/src/chat/', '^shared/', '@p2p-chat/shared'] },
    },
    ...adapters.map((adapter) => ({
      name: `adapter-${adapter.replace('/', '-')}-stands-alone`,
      comment: 'Adapters meet only in the composition root (app.module).',
      severity: 'error',
      from: { path: `^chat-node/src/${adapter}/`, pathNot: '\\.(test|contract)\\.ts$' },
      to: { path: `^chat-node/src/(${adapters.filter((a) => a !== adapter).join('|')}|console|commands)/` },
    })),
    {
      name: 'console-is-a-client',
      comment: 'The console and the commands reach the node through the control contract only.',
      severity: 'error',
      from: { path: '^chat-node/src/console/', pathNot: '\\.test\\.ts$' },
      to: { path: '^chat-node/src/(?!console/)' },
    },
    {
      name: 'commands-are-clients',
      comment: 'Only the daemon command starts a node; the others are clients of the control contract.',
      severity: 'error',
      from: { path: '^chat-node/src/commands/', pathNot: ['\\.test\\.ts$', 'commands/daemon\\.ts$'] },
      to: {
        path: `^chat-node/src/(${[...adapters, 'chat', 'core'].join('|')})/|^chat-node/src/app\\.module`,
        pathNot: '^chat-node/src/profile/profile\\.ts$',
      },
    },
    {
      name: 'shared-is-framework-free',
      severity: 'error',
      from: { path: '^shared/src/' },
      to: { path: '(nestjs|fastify|mongoose|inquirer|class-validator)' },
    },
    {
      name: 'services-stay-apart',
      severity: 'error',
      from: { path: '^(discovery-service|chat-node)/src/' },
      to: { path: '^(discovery-service|chat-node)/src/', pathNot: '^$1/src/' },
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
