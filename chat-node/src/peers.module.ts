import { Module } from '@nestjs/common';
import { VERSION } from '@p2p-chat/shared';
import { PeerTransport } from './core/ports/peer-link.js';
import { OwnProfile } from './core/presence/own-profile.js';
import { NodeIdentityKeys } from './profile/identity-keys.js';
import { NodeEnvironment } from './runtime/environment.js';
import { PeerGateway } from './transport/peer-gateway.js';

/** The gateway: links to peers. */
@Module({
  providers: [
    {
      provide: PeerTransport,
      inject: [NodeEnvironment, OwnProfile, NodeIdentityKeys],
      useFactory: (environment: NodeEnvironment, own: OwnProfile, keys: NodeIdentityKeys): PeerTransport =>
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
        }),
    },
  ],
  exports: [PeerTransport],
})
export class PeersModule {}
