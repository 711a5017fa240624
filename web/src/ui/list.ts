import type { ComponentChildren, FunctionComponent, Ref } from 'preact';
import { VList, type VListHandle } from 'virtua';

export type { VListHandle as ListHandle };

interface ListProps {
  ref: Ref<VListHandle>;
  class: string;
  shift: boolean;
  bufferSize: number;
  keepMounted: readonly number[];
  onScroll: () => void;
  onResize: () => void;
  children: ComponentChildren;
}

/** A list of which only the rows near the screen are in the document; its types are those of React. */
export const List = VList as unknown as FunctionComponent<ListProps>;
