import type { PeerView } from '@p2p-chat/shared/control';
import { safeLine } from '@p2p-chat/shared/text';
import { presenceOf } from '../model/labels.ts';

const GRAPHEMES = new Intl.Segmenter();

interface AvatarProps {
  name: string;
  id: string;
  peer?: PeerView | undefined;
  /** Of a group: of another form than that of a person. */
  group?: boolean;
}

/** The first letter of a name in the colour of a key, which stays when the name changes. */
export function Avatar({ name, id, peer, group = false }: AvatarProps) {
  const [letter] = GRAPHEMES.segment(safeLine(name).trim().toLocaleUpperCase());
  return (
    <span class={`avatar ${group ? 'group' : ''}`} data-hue={hue(id)} aria-hidden="true">
      {letter?.segment ?? '?'}
      {peer !== undefined && <span class="presence-dot" data-presence={presenceOf(peer)} />}
    </span>
  );
}

const HUES = 8;

function hue(id: string): number {
  let sum = 0;
  for (const character of id.slice(0, 8)) sum = (sum * 31 + character.charCodeAt(0)) % 9973;
  return sum % HUES;
}
