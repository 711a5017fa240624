import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ChatEvents } from './core/events.js';
import { IdentityKeys } from './core/ports/identity.js';
import { OwnProfile } from './core/presence/own-profile.js';
import { NodeIdentityKeys } from './profile/identity-keys.js';
import { NodeEnvironment } from './runtime/environment.js';

/** What every part of the node may ask for: settings, clock, log, the key, the user's profile, events. */
@Global()
@Module({})
export class ProfileModule {
  static of(environment: NodeEnvironment): DynamicModule {
    const { config, profile, logger } = environment;
    return {
      module: ProfileModule,
      providers: [
        { provide: NodeEnvironment, useValue: environment },
        {
          provide: ChatEvents,
          useFactory: () =>
            new ChatEvents((error) => logger.error({ err: error }, 'a listener of events failed')),
        },
        { provide: NodeIdentityKeys, useFactory: () => new NodeIdentityKeys(profile.identity) },
        { provide: IdentityKeys, useExisting: NodeIdentityKeys },
        {
          provide: OwnProfile,
          inject: [ChatEvents],
          useFactory: (events: ChatEvents) =>
            new OwnProfile(profile.settings, profile.store, events, config.fixed),
        },
      ],
      exports: [NodeEnvironment, ChatEvents, NodeIdentityKeys, IdentityKeys, OwnProfile],
    };
  }
}
