import { Module } from '@nestjs/common';
import { VERSION } from '@p2p-chat/shared';
import { BlockTransport } from './core/ports/block.transport.js';
import { PeerTransport } from './core/ports/peer-link.js';
import { OwnProfile } from './core/presence/own-profile.js';
import { NodeIdentityKeys } from './profile/identity-keys.js';
import { NodeEnvironment } from './runtime/environment.js';
import { BlockGateway } from './transport/block-gateway.js';
import { PeerGateway } from './transport/peer-gateway.js';

/** The gateway: links to peers, and connections for blocks of files beside them. */
@Module({
  providers: [
    {
      provide: BlockGateway,
      inject: [NodeEnvironment],
      useFactory: ({ profile, clock, logger }: NodeEnvironment) =>
        new BlockGateway({ identity: profile.identity, clock, logger }),
    },
    { provide: BlockTransport, useExisting: BlockGateway },
    {
      provide: PeerTransport,
      inject: [NodeEnvironment, OwnProfile, NodeIdentityKeys, BlockGateway],
      useFactory: (
        environment: NodeEnvironment,
        own: OwnProfile,
        keys: NodeIdentityKeys,
        blocks: BlockGateway,
      ): PeerTransport =>
        new PeerGateway({
          ...environment.config,
          user: () => own.settings.user,
          identity: environment.profile.identity,
          agent: `p2p-chat/${VERSION}`,
          instance: environment.instance,
          clock: environment.clock,
          logger: environment.logger,
          onIdentified: (publicKey) => keys.learn(publicKey),
          onGone: (peerId) => keys.forget(peerId),
          blocks,
        }),
    },
  ],
  exports: [PeerTransport, BlockTransport],
})
export class PeersModule {}
