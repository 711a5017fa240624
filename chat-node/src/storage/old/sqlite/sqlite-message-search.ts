import type { Message } from '../../../chat/message.js';
import { MessageSearch, type SearchQuery } from '../../../chat/ports/message-search.js';
import type { WorkerClient } from './worker-client.js';

/** MessageSearch whose work is done by the storage thread. */
export class SqliteMessageSearch extends MessageSearch {
  constructor(private readonly worker: WorkerClient) {
    super();
  }

  override async search(query: SearchQuery): Promise<Message[]> {
    // Call by call, so that messages are saved in between; up to what there is
    // now, so that those do not keep it waiting.
    let progress = await this.worker.call('search', 'indexMore');
    for (const { last } = progress; progress.indexed < last;) {
      progress = await this.worker.call('search', 'indexMore', last);
    }
    return this.worker.call('search', 'search', query);
  }
}
