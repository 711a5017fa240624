import { ControlClient } from '../console/control-client.js';
import { resolveProfile } from '../profile/profile.js';
import type { Io } from './io.js';
import { settings, type ProfileFlags } from './settings.js';

export type { ProfileFlags } from './settings.js';

/** A client of the node of the profile that the settings name. */
export function profileClient(io: Io, flags: ProfileFlags): ControlClient {
  return new ControlClient(resolveProfile(settings(io.env, flags)).home, io.clock);
}
