// Doubles of GitHub's and Discord's OAuth 2 endpoints, which cannot be run here: NOT the real services.
//
// They give answers of the documented shapes and refuse what the documents say is refused: unknown clients, wrong
// secrets, redirects that are not registered, codes used twice, a PKCE verifier that does not fit. Nobody clicks:
// /authorize logs in the account that the test names in `account` of the query, else the newest one.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

// No request of a login is bigger.
const BODY_BYTES_MAX = 16 * 1024;
const CODE_TTL_MS = 10 * 60 * 1000;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

const secret = (bytes) => randomBytes(bytes).toString('hex');

function same(a, b) {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(String(text)).digest());
  return timingSafeEqual(left, right);
}

async function form(request) {
  let text = '';
  for await (const piece of request) {
    text += piece;
    if (text.length > BODY_BYTES_MAX) throw new Error('the body is too large');
  }
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/json')) return JSON.parse(text);
  return Object.fromEntries(new URLSearchParams(text));
}

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

function redirect(response, target, params) {
  const url = new URL(target);
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  response.writeHead(302, { location: url.href }).end();
}

// What the two have in common: accounts, codes and tokens.
class Service {
  constructor(name, setup) {
    this.setup = setup;
    this.client = { id: `${name}-client`, secret: `secret-of-${name}` };
    this.accounts = new Map();
    this.codes = new Map();
    this.tokens = new Map();
    this.redirects = [];
  }

  account({ id, user, emails = [] }) {
    this.accounts.set(String(id), { user: { id, ...user }, emails });
    this.newest = String(id);
  }

  authorize(response, url, scopes) {
    const query = Object.fromEntries(url.searchParams);
    const account = query.account ?? this.newest;
    if (query.client_id !== this.client.id || !this.accounts.has(account)) {
      return json(response, 404, { message: 'Not Found' });
    }
    if (!this.redirectAllowed(query.redirect_uri)) return this.refuseRedirect(response, query);
    const { state } = query;
    if (url.searchParams.has('deny')) {
      return redirect(response, query.redirect_uri, { ...this.denial(), state });
    }
    if (query.code_challenge && query.code_challenge_method !== 'S256') {
      return redirect(response, query.redirect_uri, { error: 'invalid_request', state });
    }
    const code = secret(10);
    const { redirect_uri: redirectUri, code_challenge: challenge } = query;
    this.codes.set(code, { account, redirectUri, challenge, scopes, until: Date.now() + CODE_TTL_MS });
    return redirect(response, redirectUri, { code, state });
  }

  // Spends a code; undefined when it is not good for this request.
  redeem({ code, redirect_uri: redirectUri, code_verifier: verifier }) {
    const grant = this.codes.get(code);
    this.codes.delete(code);
    if (!grant || grant.until < Date.now() || (redirectUri && redirectUri !== grant.redirectUri)) return undefined;
    if (grant.challenge || verifier) {
      const hash = createHash('sha256').update(verifier ?? '').digest('base64url');
      if (!same(hash, grant.challenge)) return undefined;
    }
    return grant;
  }

  bearer(request) {
    const [scheme, token] = (request.headers.authorization ?? '').split(' ');
    return ['bearer', 'token'].includes(scheme.toLowerCase()) ? this.tokens.get(token) : undefined;
  }
}

// As of docs.github.com, "Authorizing OAuth apps" and REST "Users", "Emails".
class GitHub extends Service {
  // The port of a loopback redirect is free.
  redirectAllowed(uri) {
    if (!URL.canParse(uri)) return false;
    const asked = new URL(uri);
    return this.known().some((known) => {
      const url = new URL(known);
      if (LOOPBACK.has(url.hostname)) url.port = asked.port;
      return url.href === asked.href;
    });
  }

  known() {
    return [...this.setup.redirect_uris, ...this.redirects];
  }

  refuseRedirect(response, { state }) {
    redirect(response, this.known()[0], {
      error: 'redirect_uri_mismatch',
      error_description: 'The redirect_uri MUST match the registered callback URL for this application.',
      state,
    });
  }

  denial() {
    return { error: 'access_denied', error_description: 'The user has denied your application access.' };
  }

  async answer(request, response, url) {
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /github/login/oauth/authorize':
        return this.authorize(response, url, (url.searchParams.get('scope') ?? '').split(/[ ,]+/).filter(Boolean));
      case 'POST /github/login/oauth/access_token':
        return this.token(request, response);
      case 'GET /github/user':
        return this.user(request, response);
      case 'GET /github/user/emails':
        return this.emails(request, response);
      default:
        return json(response, 404, { message: 'Not Found' });
    }
  }

  // Errors come with 200, and everything in a form unless JSON is asked for.
  async token(request, response) {
    const asked = await form(request);
    let said;
    const grant = this.redeem(asked);
    if (asked.client_id !== this.client.id || !same(asked.client_secret, this.client.secret)) {
      said = { error: 'incorrect_client_credentials', error_description: 'The client_id and/or client_secret passed are incorrect.' };
    } else if (!grant) {
      said = { error: 'bad_verification_code', error_description: 'The code passed is incorrect or expired.' };
    } else {
      const token = `gho_${secret(18)}`;
      this.tokens.set(token, grant);
      said = { access_token: token, scope: grant.scopes.join(','), token_type: 'bearer' };
    }
    if ((request.headers.accept ?? '').includes('application/json')) return json(response, 200, said);
    response.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' });
    return response.end(new URLSearchParams(said).toString());
  }

  allowed(request, response) {
    if (!request.headers['user-agent']) {
      response.writeHead(403, { 'content-type': 'text/plain' }).end('Request forbidden by administrative rules.');
      return undefined;
    }
    const grant = this.bearer(request);
    if (!grant) json(response, 401, { message: 'Bad credentials', status: '401' });
    return grant;
  }

  user(request, response) {
    const grant = this.allowed(request, response);
    if (!grant) return;
    const { user } = this.accounts.get(grant.account);
    json(response, 200, { login: `user${user.id}`, type: 'User', name: null, email: null, avatar_url: '', ...user });
  }

  emails(request, response) {
    const grant = this.allowed(request, response);
    if (!grant) return;
    if (!grant.scopes.some((scope) => scope === 'user' || scope === 'user:email')) {
      json(response, 404, { message: 'Not Found', status: '404' });
    } else {
      json(response, 200, this.accounts.get(grant.account).emails);
    }
  }
}

// As of discord.com/developers/docs, "OAuth2" and "User".
class Discord extends Service {
  // Exactly what is registered, port and all.
  redirectAllowed(uri) {
    return this.redirects.includes(uri);
  }

  refuseRedirect(response) {
    json(response, 400, { redirect_uri: ['Redirect URI is not supported by client'] });
  }

  denial() {
    return { error: 'access_denied', error_description: 'The resource owner or authorization server denied the request' };
  }

  async answer(request, response, url) {
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /discord/oauth2/authorize':
        return this.authorize(response, url, (url.searchParams.get('scope') ?? '').split(' ').filter(Boolean));
      case 'POST /discord/api/oauth2/token':
        return this.token(request, response);
      case 'GET /discord/api/users/@me':
        return this.user(request, response);
      default:
        return json(response, 404, { message: '404: Not Found', code: 0 });
    }
  }

  // Forms only; the client's secret in the form or as Basic.
  async token(request, response) {
    if (!(request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
      return json(response, 400, { error: 'invalid_request', error_description: 'Invalid content type' });
    }
    const asked = await form(request);
    const [scheme, value] = (request.headers.authorization ?? '').split(' ');
    if (scheme === 'Basic') {
      const [id, key] = Buffer.from(value, 'base64').toString().split(':').map(decodeURIComponent);
      Object.assign(asked, { client_id: id, client_secret: key });
    }
    if (asked.client_id !== this.client.id || !same(asked.client_secret, this.client.secret)) {
      return json(response, 401, { error: 'invalid_client' });
    }
    if (asked.grant_type !== 'authorization_code') return json(response, 400, { error: 'unsupported_grant_type' });
    const grant = asked.redirect_uri && this.redeem(asked);
    if (!grant) {
      return json(response, 400, { error: 'invalid_grant', error_description: 'Invalid "code" in request.' });
    }
    const token = secret(15);
    this.tokens.set(token, grant);
    return json(response, 200, {
      token_type: 'Bearer',
      access_token: token,
      expires_in: 604800,
      refresh_token: secret(15),
      scope: grant.scopes.join(' '),
    });
  }

  user(request, response) {
    const grant = this.bearer(request);
    if (!grant || !grant.scopes.includes('identify')) return json(response, 401, { message: '401: Unauthorized', code: 0 });
    const { email, verified, ...open } = this.accounts.get(grant.account).user;
    const mail = grant.scopes.includes('email') ? { email: email ?? null, verified: verified ?? false } : {};
    return json(response, 200, {
      username: `user${open.id}`,
      discriminator: '0',
      global_name: null,
      avatar: null,
      ...open,
      id: String(open.id),
      ...mail,
    });
  }
}

// The two, under /github and /discord.
export class Doubles {
  constructor(setup) {
    this.services = { github: new GitHub('github', setup), discord: new Discord('discord', setup) };
  }

  service(url) {
    return this.services[url.pathname.split('/')[1]];
  }

  owns(url) {
    return this.service(url) !== undefined;
  }

  async answer(request, response, url) {
    return this.service(url).answer(request, response, url);
  }

  order({ service, account, redirect: uri }) {
    const target = this.services[service];
    if (account) target.account(account);
    if (uri) target.redirects.push(uri);
    return { client_id: target.client.id, client_secret: target.client.secret };
  }
}
