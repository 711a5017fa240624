import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import type { ActionResult, ConfirmationsView, MessageView, VersionView } from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import { ChatError } from '../core/errors.js';
import { ApiGroup } from './api-docs.js';
import { Presenter } from './presenter.js';
import { DeleteQuery, EditDto, ReactDto } from './requests.js';
import { ActionResultSchema, ConfirmationsSchema, MessageSchema, VersionSchema } from './schemas.js';

const ApiMessage = (): MethodDecorator & ClassDecorator =>
  ApiParam({ name: 'id', type: String, description: 'The id of a message.' });

/** What a person does with a message that is there. */
@ApiGroup('messages')
@Controller('api/messages/:id')
export class MessagesController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  @Get()
  @ApiMessage()
  @ApiOperation({ summary: 'One message, as it is now.' })
  @ApiOkResponse({ type: MessageSchema })
  async message(@Param('id') id: string): Promise<MessageView> {
    const message = await this.chat.messages.find(id);
    const [view] = message === null ? [] : this.presenter.messages([message]);
    if (view !== undefined) return view;
    throw new ChatError('message-unknown', 'No message has that id.');
  }

  @Patch()
  @ApiMessage()
  @ApiOperation({ summary: "Changes what one's own message says; it keeps its place." })
  @ApiOkResponse({ type: ActionResultSchema })
  async edit(@Param('id') id: string, @Body() { body }: EditDto): Promise<ActionResult> {
    return this.presenter.action(await this.chat.messages.actions.edit(id, body), id);
  }

  @Delete()
  @ApiMessage()
  @ApiOperation({ summary: 'Deletes a message for everybody, or here alone. What is deleted is erased.' })
  @ApiOkResponse({ type: ActionResultSchema })
  async delete(@Param('id') id: string, @Query() { forMe }: DeleteQuery): Promise<ActionResult> {
    const { actions } = this.chat.messages;
    return this.presenter.action(await (forMe === 'true' ? actions.hide(id) : actions.remove(id)), id);
  }

  @Get('versions')
  @ApiMessage()
  @ApiOperation({ summary: "What one's own message said and says, oldest first. Others are not shown it." })
  @ApiOkResponse({ type: [VersionSchema] })
  async versions(@Param('id') id: string): Promise<VersionView[]> {
    return this.presenter.versions(await this.chat.messages.actions.versions(id));
  }

  @Put('reactions')
  @ApiMessage()
  @ApiOperation({ summary: 'All that the user feels about a message, in place of what was said before.' })
  @ApiOkResponse({ type: ActionResultSchema })
  async react(@Param('id') id: string, @Body() { emoji }: ReactDto): Promise<ActionResult> {
    return this.presenter.action(await this.chat.messages.actions.react(id, emoji), id);
  }

  @Put('confirmation')
  @ApiMessage()
  @ApiOperation({ summary: 'Confirms a message that asks for it.' })
  @ApiOkResponse({ type: ActionResultSchema })
  async confirm(@Param('id') id: string): Promise<ActionResult> {
    return this.presenter.action(await this.chat.messages.actions.confirm(id), id);
  }

  @Get('confirmations')
  @ApiMessage()
  @ApiOperation({ summary: "Who has confirmed one's own message, has only read it, or has not received it." })
  @ApiOkResponse({ type: ConfirmationsSchema })
  async confirmations(@Param('id') id: string): Promise<ConfirmationsView> {
    return this.presenter.confirmations(await this.chat.messages.actions.confirmations(id));
  }

  @Post('confirmations')
  @HttpCode(200)
  @ApiMessage()
  @ApiOperation({ summary: 'Reminds those who have not confirmed, and tells who has.' })
  @ApiOkResponse({ type: ConfirmationsSchema })
  async remind(@Param('id') id: string): Promise<ConfirmationsView> {
    return this.presenter.confirmations(await this.chat.messages.actions.remind(id));
  }
}
