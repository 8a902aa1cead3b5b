import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { EngineError } from '#kernel';
import { API_SERVICES, type ApiServices } from './api-services.js';
import { type HttpReply, type HttpRequest, headerText } from './http-exchange.js';
import { tokenEndpoints } from './request-address.js';

/** RFC 6749, section 5.2. */
const oauthErrors: Readonly<Record<string, string>> = {
  TOKEN_CLIENT_INVALID: 'invalid_client',
  TOKEN_GRANT_UNSUPPORTED: 'unsupported_grant_type',
  TOKEN_REQUEST_INVALID: 'invalid_request',
  TOKEN_SCOPE_INVALID: 'invalid_scope',
};

/** The token endpoint of SMART Backend Services (SMART App Launch 2.2). */
@Controller('auth')
export class TokenController {
  constructor(@Inject(API_SERVICES) private readonly services: ApiServices) {}

  @Post('token')
  async token(@Req() request: HttpRequest, @Res() reply: HttpReply): Promise<void> {
    // RFC 6749, section 5.1: what is answered here is kept by no cache.
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
    reply.header('content-type', 'application/json; charset=utf-8');
    try {
      const audiences = tokenEndpoints(request, this.services);
      const { token, lifetimeS, scope } = await this.services.tokens.issue(formOf(request), audiences);
      const granted = { access_token: token, token_type: 'bearer', expires_in: lifetimeS, scope };
      reply.code(200).send(JSON.stringify(granted));
    } catch (error) {
      const code = error instanceof EngineError ? oauthErrors[error.code] : undefined;
      if (code === undefined) throw error;
      // Who runs this server may know why a client is not believed; the client may not.
      this.services.report(error);
      reply.code(400).send(JSON.stringify({ error: code, error_description: (error as Error).message }));
    }
  }
}

function formOf(request: HttpRequest): URLSearchParams {
  const type = headerText(request, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/x-www-form-urlencoded' && typeof request.body === 'string')
    return new URLSearchParams(request.body);
  const message = 'a token is asked for by a form (application/x-www-form-urlencoded)';
  throw new EngineError('rejected', 'TOKEN_REQUEST_INVALID', message);
}
