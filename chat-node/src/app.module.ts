import { type DynamicModule, Module } from '@nestjs/common';
import { ControlApiModule } from './control-api.module.js';
import { NotifyModule } from './notify.module.js';
import { ProfileModule } from './profile.module.js';
import type { NodeEnvironment } from './runtime/environment.js';
import { StorageModule } from './storage.module.js';

/** A node: the modules are the only places in which a port meets its adapter. */
@Module({})
export class AppModule {
  static of(environment: NodeEnvironment): DynamicModule {
    return {
      module: AppModule,
      imports: [ProfileModule.of(environment), StorageModule.of(environment), ControlApiModule, NotifyModule],
    };
  }
}
