import { Readable } from 'node:stream';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  Req,
  Res,
  StreamableFile,
} from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  getSchemaPath,
} from '@nestjs/swagger';
import {
  CONTROL_ROUTES,
  type FileLinkView,
  type FileRuleView,
  type FileView,
  type SentFilesView,
} from '@p2p-chat/shared';
import { plainToInstance } from 'class-transformer';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Chat } from '../core/chat.js';
import { fileIds, type FileRule } from '../core/files/file-record.js';
import { Files, type FileStatus, type SentFiles } from '../core/files/files.js';
import { ApiConversation, ApiGroup } from './api-docs.js';
import { Pairing } from './pairing.js';
import { Presenter } from './presenter.js';
import { ControlApiError } from './problem.js';
import { ConversationPipe, type ConversationReference } from './references.pipe.js';
import { FetchFileDto, FileRuleDto, FilesQuery, SendFilesDto, UploadQuery } from './requests.js';
import { FileLinkSchema, FileSchema, SentFilesSchema } from './schemas.js';
import { validationPipe } from './validation.js';

const OCTETS = 'application/octet-stream';

/** Files: offered, fetched, and what became of them. */
@ApiGroup('files')
@Controller('api')
export class FilesController {
  constructor(
    private readonly chat: Chat,
    private readonly files: Files,
    private readonly presenter: Presenter,
    private readonly pairing: Pairing,
  ) {}

  @Post('conversations/:conversation/files')
  @ApiConversation()
  @ApiOperation({
    summary:
      'Offers files that lie here, or the bytes of a file or folder as they come: durable when the answer comes.',
  })
  @ApiConsumes('application/json', OCTETS)
  @ApiExtraModels(SendFilesDto)
  @ApiBody({ schema: { $ref: getSchemaPath(SendFilesDto) } })
  @ApiCreatedResponse({ type: SentFilesSchema })
  async send(
    @Param('conversation', ConversationPipe) { id }: ConversationReference,
    @Query() { name, folder, caption }: UploadQuery,
    @Req() { body }: FastifyRequest,
  ): Promise<SentFilesView> {
    if (!(body instanceof Readable)) {
      const given = await sendFilesOf(body);
      const { paths, caption: words, copy = true, as } = given;
      return sent(await this.files.send(id, paths, { caption: words, copy, as }));
    }
    if (name === undefined) {
      body.resume();
      throw new ControlApiError(422, 'request-invalid', 'An uploaded file needs a name: ?name=…');
    }
    return sent(await this.files.sendBytes(id, { name, isFolder: folder === 'true' }, body, caption));
  }

  @Get('conversations/:conversation/files/rule')
  @ApiConversation()
  @ApiOperation({ summary: 'When files of the conversation are fetched.' })
  @ApiOkResponse({ type: FileRuleDto })
  rule(@Param('conversation', ConversationPipe) { id }: ConversationReference): FileRuleView {
    return this.files.rule(id);
  }

  @Put('conversations/:conversation/files/rule')
  @ApiConversation()
  @ApiOperation({ summary: 'From now on: by themselves up to a size, when asked for, or never.' })
  @ApiOkResponse({ type: FileRuleDto })
  async setRule(
    @Param('conversation', ConversationPipe) { id }: ConversationReference,
    @Body() { fetch, upTo }: FileRuleDto,
  ): Promise<FileRuleView> {
    await this.files.setRule(id, ruleOf(fetch, upTo));
    return this.files.rule(id);
  }

  @Get('files')
  @ApiOperation({ summary: 'Files of a conversation, or of all, in the order in which they were sent.' })
  @ApiOkResponse({ type: [FileSchema] })
  list(@Query() { conversation }: FilesQuery): FileView[] {
    const id = conversation === undefined ? undefined : this.chat.resolveConversation(conversation).id;
    return this.#views(this.files.list(id));
  }

  @Post('files/:id/fetch')
  @HttpCode(200)
  @ApiOperation({ summary: 'Fetches a file, or all of a message; it comes by itself from then on.' })
  @ApiBody({ type: FetchFileDto, required: false })
  @ApiOkResponse({ type: [FileSchema] })
  async fetch(@Param('id') id: string, @Body() { to }: FetchFileDto): Promise<FileView[]> {
    return this.#views(await this.files.fetch(id, to ?? null));
  }

  @Post('files/:id/pause')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stops a file until it is fetched again; what is there of it stays.' })
  @ApiOkResponse({ type: [FileSchema] })
  async pause(@Param('id') id: string): Promise<FileView[]> {
    return this.#views(await this.files.pause(id));
  }

  @Post('files/:id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: "Gives a file up; one's own is offered no more." })
  @ApiOkResponse({ type: [FileSchema] })
  async cancel(@Param('id') id: string): Promise<FileView[]> {
    return this.#views(await this.files.cancel(id));
  }

  /** Whatever it is, a browser shows none of it by itself. */
  @Get('files/:id/content')
  @ApiOperation({ summary: 'The bytes of a file that is here, as an attachment.' })
  @ApiProduces(OCTETS)
  @ApiOkResponse({ description: 'The bytes.' })
  async content(
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const { record, bytes } = await this.files.content(id);
    const { name, size } = record.file;
    void reply.headers({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'no-store',
    });
    return new StreamableFile(Readable.from(bytes, { objectMode: false }), {
      type: OCTETS,
      length: size,
      // RFC 6266 and RFC 8187.
      disposition: `attachment; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, percent)}`,
    });
  }

  @Post('files/:id/link')
  @HttpCode(200)
  @ApiOperation({ summary: 'A link at which a browser that uses the page can download the file, once.' })
  @ApiOkResponse({ type: FileLinkSchema })
  link(@Param('id') id: string, @Req() { raw }: FastifyRequest): FileLinkView {
    const [{ record }] = this.files.find(id) as [FileStatus];
    return { link: this.pairing.linkTo(CONTROL_ROUTES.fileContent(record.id), raw.socket) };
  }

  #views(files: readonly FileStatus[]): FileView[] {
    return files.map((status) => this.presenter.file(status));
  }
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

// The body is bytes or JSON, so the pipe of all requests cannot know what it has to be.
async function sendFilesOf(body: unknown): Promise<SendFilesDto> {
  const given: unknown = plainToInstance(SendFilesDto, body);
  return (await validationPipe().transform(given, { type: 'body', metatype: SendFilesDto })) as SendFilesDto;
}

function sent({ id, conversation, files, skipped }: SentFiles): SentFilesView {
  const ids = fileIds(id, files.length);
  return {
    id,
    conversation,
    files: files.map((file, at) => ({ id: ids[at] ?? id, ...file })),
    skipped: [...skipped],
  };
}

function ruleOf(fetch: FileRuleView['fetch'], upTo: number | undefined): FileRule {
  if (fetch !== 'always') return { fetch };
  if (upTo === undefined) {
    throw new ControlApiError(422, 'request-invalid', 'Always needs the size up to which: upTo, in bytes.');
  }
  return { fetch, upTo };
}
