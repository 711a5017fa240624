import type { ComponentChild, JSX, Ref } from 'preact';
import { VList, type VListHandle } from 'virtua';

export type { VListHandle as ListHandle };

interface ListProps<Row> {
  ref: Ref<VListHandle>;
  class: string;
  shift: boolean;
  bufferSize: number;
  keepMounted: readonly number[];
  onScroll: () => void;
  onResize: () => void;
  data: readonly Row[];
  /** Draws a row: only of those near the screen. */
  children: (row: Row, at: number) => ComponentChild;
}

/** A list of which only the rows near the screen are in the document; its types are those of React. */
export const List = VList as unknown as <Row>(props: ListProps<Row>) => JSX.Element;
