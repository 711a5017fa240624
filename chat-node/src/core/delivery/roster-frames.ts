import {
  MAX_OPERATION_BYTES_PER_FRAME,
  MAX_OPERATIONS_PER_FRAME,
  operationText,
  type RosterFrame,
  type RosterOperation,
} from '@p2p-chat/shared';

/** Operations in as many frames as they take; none for none. @param operations each after those that it names */
export function rosterFrames(conversation: string, operations: readonly RosterOperation[]): RosterFrame[] {
  const pages: RosterOperation[][] = [];
  let bytes = 0;
  for (const one of operations) {
    const page = pages.at(-1);
    bytes += one.bytes.length;
    if (
      page === undefined ||
      page.length === MAX_OPERATIONS_PER_FRAME ||
      bytes > MAX_OPERATION_BYTES_PER_FRAME
    ) {
      pages.push([one]);
      bytes = one.bytes.length;
    } else page.push(one);
  }
  return pages.map((page, nth) => ({
    type: 'roster',
    conversation,
    operations: page.map((one) => operationText(one.bytes)),
    more: nth < pages.length - 1,
  }));
}
