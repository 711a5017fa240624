import { Inject, Module, type OnModuleDestroy } from '@nestjs/common';
import { ControlApiModule } from './control-api.module.js';
import { Presenter } from './control-api/presenter.js';
import { ConversationsModule } from './conversations.module.js';
import { Chat } from './core/chat.js';
import { ChatEvents } from './core/events.js';
import { MessageHook } from './notify/message-hook.js';
import { NodeEnvironment } from './runtime/environment.js';

/** DI token of the hook; null if the settings name no command. */
const MESSAGE_HOOK = Symbol('MessageHook');

/** The user's own command for each message that arrives. */
@Module({
  imports: [ConversationsModule, ControlApiModule],
  providers: [
    { provide: MESSAGE_HOOK, inject: [NodeEnvironment, Chat, Presenter, ChatEvents], useFactory: createHook },
  ],
})
export class NotifyModule implements OnModuleDestroy {
  constructor(@Inject(MESSAGE_HOOK) private readonly hook: MessageHook | null) {}

  onModuleDestroy(): void {
    this.hook?.stop();
  }
}

function createHook(
  { config, clock, logger }: NodeEnvironment,
  chat: Chat,
  presenter: Presenter,
  events: ChatEvents,
): MessageHook | null {
  if (config.onMessage.length === 0) return null;
  return new MessageHook(
    {
      command: config.onMessage,
      clock,
      log: logger,
      messagesOf: (kept) => chat.messages.project(kept),
      messageOf: (id) => chat.messages.find(id),
      isWanted: (message, calls) => chat.notifies(message, calls),
      view: (message) => presenter.messages([message])[0] ?? {},
    },
    events,
  );
}
