import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { GroupView, MuteView, RosterDetail } from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import type { KnownPeer } from '../core/peers/peers.js';
import type { GroupConversation } from '../core/roster/group-finder.js';
import { ApiConversation, ApiGroup, ApiGroupReference, ApiPeer } from './api-docs.js';
import { CreateGroupDto, GroupChangeDto, GroupsQuery, MuteDto } from './group-requests.js';
import { GroupSchema, MuteSchema } from './group-schemas.js';
import { Presenter } from './presenter.js';
import { ConversationPipe, type ConversationReference, GroupPipe, PeerPipe } from './references.pipe.js';

@ApiGroup('groups')
@Controller('api')
export class GroupsController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  @Get('groups')
  @ApiOperation({ summary: 'Groups, invitations, and the open rooms of the network; the latest first.' })
  @ApiOkResponse({ type: [GroupSchema] })
  groups(@Query() { open }: GroupsQuery): Promise<GroupView[]> {
    return this.presenter.groups(open === undefined ? undefined : open === 'true');
  }

  @Post('groups')
  @ApiOperation({ summary: 'Founds a group or an open room, and asks people to come.' })
  @ApiCreatedResponse({ type: GroupSchema })
  async create(@Body() { name, people = [], history, open = false }: CreateGroupDto): Promise<GroupView> {
    const asked = new Map<string, KnownPeer>();
    for (const reference of people) {
      const peer = this.chat.peers.resolve(reference);
      asked.set(peer.peerId, peer);
    }
    const policy = { open, history: history ?? (open ? 'all' : 'join') };
    const { id } = await this.chat.rosters.found(name, policy, [...asked.values()]);
    return this.#view(id);
  }

  @Get('groups/:group')
  @ApiGroupReference()
  @ApiOperation({ summary: 'One group: who is in, and what has changed.' })
  @ApiOkResponse({ type: GroupSchema })
  group(@Param('group', GroupPipe) { id }: GroupConversation): Promise<GroupView> {
    return this.#view(id);
  }

  @Patch('groups/:group')
  @ApiGroupReference()
  @ApiOperation({ summary: 'Changes the name, or what newcomers get.' })
  @ApiOkResponse({ type: GroupSchema })
  async change(
    @Param('group', GroupPipe) group: GroupConversation,
    @Body() { name, history }: GroupChangeDto,
  ): Promise<GroupView> {
    if (name !== undefined) await this.chat.rosters.operate(group, { kind: 'rename', name });
    if (history !== undefined) {
      const { open } = group.group.roster.policy;
      await this.chat.rosters.operate(group, { kind: 'policy', open, history });
    }
    return this.#view(group.id);
  }

  @Put('groups/:group/members/:peer')
  @ApiGroupReference()
  @ApiPeer()
  @ApiOperation({ summary: 'Asks somebody to come.' })
  @ApiOkResponse({ type: GroupSchema })
  add(
    @Param('group', GroupPipe) group: GroupConversation,
    @Param('peer', PeerPipe) peer: KnownPeer,
  ): Promise<GroupView> {
    return this.#about(group, 'add', peer);
  }

  @Delete('groups/:group/members/:peer')
  @ApiGroupReference()
  @ApiPeer()
  @ApiOperation({ summary: 'Removes somebody, or takes an invitation back.' })
  @ApiOkResponse({ type: GroupSchema })
  remove(
    @Param('group', GroupPipe) group: GroupConversation,
    @Param('peer', PeerPipe) peer: KnownPeer,
  ): Promise<GroupView> {
    return this.#about(group, 'remove', peer);
  }

  @Put('groups/:group/admins/:peer')
  @ApiGroupReference()
  @ApiPeer()
  @ApiOperation({ summary: 'Makes a member an admin.' })
  @ApiOkResponse({ type: GroupSchema })
  promote(
    @Param('group', GroupPipe) group: GroupConversation,
    @Param('peer', PeerPipe) peer: KnownPeer,
  ): Promise<GroupView> {
    return this.#about(group, 'promote', peer);
  }

  @Delete('groups/:group/admins/:peer')
  @ApiGroupReference()
  @ApiPeer()
  @ApiOperation({ summary: 'Makes an admin a member like any other.' })
  @ApiOkResponse({ type: GroupSchema })
  demote(
    @Param('group', GroupPipe) group: GroupConversation,
    @Param('peer', PeerPipe) peer: KnownPeer,
  ): Promise<GroupView> {
    return this.#about(group, 'demote', peer);
  }

  @Post('groups/:group/enter')
  @HttpCode(200)
  @ApiGroupReference()
  @ApiOperation({ summary: 'Accepts the invitation, or joins the open room.' })
  @ApiOkResponse({ type: GroupSchema })
  async enter(@Param('group', GroupPipe) group: GroupConversation): Promise<GroupView> {
    await this.chat.rosters.enter(group);
    return this.#view(group.id);
  }

  @Post('groups/:group/decline')
  @HttpCode(200)
  @ApiGroupReference()
  @ApiOperation({ summary: 'Declines the invitation.' })
  @ApiOkResponse({ type: GroupSchema })
  decline(@Param('group', GroupPipe) group: GroupConversation): Promise<GroupView> {
    return this.#operate(group, { kind: 'decline' });
  }

  @Post('groups/:group/leave')
  @HttpCode(200)
  @ApiGroupReference()
  @ApiOperation({ summary: 'Leaves. The history stays.' })
  @ApiOkResponse({ type: GroupSchema })
  async leave(@Param('group', GroupPipe) group: GroupConversation): Promise<GroupView> {
    await this.chat.rosters.leave(group);
    return this.#view(group.id);
  }

  @Put('conversations/:conversation/mute')
  @ApiConversation()
  @ApiOperation({ summary: 'Sets what notifies: every message, those that name the person, or none.' })
  @ApiOkResponse({ type: MuteSchema })
  async mute(
    @Param('conversation', ConversationPipe) { id }: ConversationReference,
    @Body() { level }: MuteDto,
  ): Promise<MuteView> {
    await this.chat.setMute(id, level);
    return { id, mute: level };
  }

  async #about(
    group: GroupConversation,
    kind: 'add' | 'remove' | 'promote' | 'demote',
    { peerId, user }: KnownPeer,
  ): Promise<GroupView> {
    await this.chat.rosters.about(group, kind, { peerId, user });
    return this.#view(group.id);
  }

  async #operate(group: GroupConversation, detail: RosterDetail): Promise<GroupView> {
    await this.chat.rosters.operate(group, detail);
    return this.#view(group.id);
  }

  async #view(id: string): Promise<GroupView> {
    const view = await this.presenter.group(id);
    if (view === null) throw new Error('a group that was just changed is there');
    return view;
  }
}
