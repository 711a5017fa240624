import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
} from '@nestjs/swagger';
import {
  type BrowserView,
  MAX_BROWSER_NAME_CHARACTERS,
  type PageLinkView,
  type PairRequest,
  type PairResult,
} from '@p2p-chat/shared';
import { IsString, MaxLength } from 'class-validator';
import { ApiGroup } from './api-docs.js';
import { PageServer } from './page-server.js';
import { Pairing } from './pairing.js';

const TEXT = { message: 'must be a text' };
const MAX_CODE_CHARACTERS = 64;

class PairDto implements PairRequest {
  @ApiProperty({ description: 'The code of a link.' })
  @IsString(TEXT)
  @MaxLength(MAX_CODE_CHARACTERS, { message: `must have at most ${MAX_CODE_CHARACTERS} characters` })
  code!: string;

  @ApiProperty({ description: 'What the browser calls itself.', maxLength: MAX_BROWSER_NAME_CHARACTERS })
  @IsString(TEXT)
  @MaxLength(MAX_BROWSER_NAME_CHARACTERS, {
    message: `must have at most ${MAX_BROWSER_NAME_CHARACTERS} characters`,
  })
  name!: string;
}

class PageLinkSchema implements PageLinkView {
  @ApiProperty() url!: string;
  @ApiProperty({ format: 'date-time' }) expiresAt!: string;
}

class PairResultSchema implements PairResult {
  @ApiProperty() id!: string;
  @ApiProperty() token!: string;
}

class BrowserSchema implements BrowserView {
  @ApiProperty() id!: string;
  @ApiProperty() name!: string;
  @ApiProperty({ format: 'date-time' }) pairedAt!: string;
  @ApiProperty({ format: 'date-time' }) seenAt!: string;
}

/** The page in a browser: who may use it. */
@ApiGroup('page')
@Controller('api/web')
export class PageController {
  constructor(
    private readonly page: PageServer,
    private readonly pairing: Pairing,
  ) {}

  @Post('link')
  @ApiOperation({ summary: 'A link that lets one browser in, once, within a minute.' })
  @ApiCreatedResponse({ type: PageLinkSchema })
  async link(): Promise<PageLinkView> {
    const origin = await this.page.origin();
    const { code, expiresAt } = this.pairing.issue();
    return { url: `${origin}/#pair=${code}`, expiresAt: new Date(expiresAt).toISOString() };
  }

  @Post('pair')
  @ApiOperation({
    summary:
      'Exchanges the code of a link for the token of this browser; at the page’s port, without a token.',
  })
  @ApiCreatedResponse({ type: PairResultSchema })
  pair(@Body() { code, name }: PairDto): Promise<PairResult> {
    return this.pairing.exchange(code, name);
  }

  @Get('browsers')
  @ApiOperation({ summary: 'The browsers that may use the page.' })
  @ApiOkResponse({ type: [BrowserSchema] })
  browsers(): BrowserView[] {
    return this.pairing.browsers.map(({ id, name, pairedAt, seenAt }) => ({
      id,
      name,
      pairedAt: new Date(pairedAt).toISOString(),
      seenAt: new Date(seenAt).toISOString(),
    }));
  }

  @Delete('browsers')
  @HttpCode(204)
  @ApiOperation({ summary: 'Takes the right to the page from all browsers, at once.' })
  @ApiNoContentResponse()
  revokeAll(): Promise<void> {
    return this.pairing.revoke();
  }

  @Delete('browsers/:browser')
  @HttpCode(204)
  @ApiOperation({ summary: 'Takes the right to the page from one browser, at once.' })
  @ApiNoContentResponse()
  revoke(@Param('browser') browser: string): Promise<void> {
    return this.pairing.revoke(browser);
  }
}
