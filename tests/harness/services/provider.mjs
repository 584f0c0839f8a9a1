// A real OpenID provider (npm oidc-provider) on a free port of this machine, for tests.
//
// It is steered by lines of JSON: an order on standard input, its answer on standard output; the first line out
// says where it is. Nobody clicks: the page at /interaction logs in the account that the test names. What a
// correct provider cannot be made to do wrong (faults.mjs) is done to its answers, signed by its own key. Doubles
// of GitHub and Discord live beside it (doubles.mjs). The end of standard input ends it.

import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Doubles } from './doubles.mjs';
import { breakEndpoint, spoilAnswer } from './faults.mjs';
import { jose, oidc } from './packages.mjs';

// Standard output carries answers only.
console.log = console.info = console.warn = console.error;

// Requests remembered for tests that count them.
const REQUESTS_MAX = 1000;
// Seconds an id token lives; the other lifetimes are what a login needs and no more.
const ID_TOKEN_TTL = 600;

const setup = JSON.parse(process.argv[2] ?? '{}');
const state = {
  issuer: '',
  accounts: new Map(),
  lastAccount: undefined,
  faults: new Set(),
  broken: new Map(),
  requests: [],
  keys: [],
};
let provider;
let answer;
const cookieKeys = [randomBytes(16).toString('hex')];

function client(id, change) {
  return {
    client_id: id,
    client_secret: `secret-of-${id}`,
    application_type: 'native',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: setup.redirect_uris,
    ...change,
  };
}

const CLIENTS = [
  client('aethex', {}),
  client('aethex-post', { token_endpoint_auth_method: 'client_secret_post' }),
  client('aethex-es256', { id_token_signed_response_alg: 'ES256' }),
  client('aethex-public', { token_endpoint_auth_method: 'none', client_secret: undefined }),
  client('other', {}),
];

async function newKeys() {
  const keys = [];
  for (const alg of ['RS256', 'ES256']) {
    const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    const kid = randomBytes(8).toString('hex');
    keys.push({ ...(await jose.exportJWK(privateKey)), kid, alg, use: 'sig' });
  }
  return keys;
}

// The provider itself; made anew when its keys change. Its memory of codes and sessions is the module's.
async function startProvider() {
  state.keys = await newKeys();
  provider = new oidc.Provider(state.issuer, {
    clients: CLIENTS,
    jwks: { keys: state.keys },
    cookies: { keys: cookieKeys },
    pkce: { required: () => true },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'picture', 'preferred_username', 'locale'],
    },
    // Google's id token carries what the scopes ask for; a strict provider keeps it for userinfo.
    conformIdTokenClaims: !setup.claims_in_id_token,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: ID_TOKEN_TTL, Interaction: 600, Session: 600, Grant: 600 },
    async findAccount(_ctx, sub) {
      const claims = state.accounts.get(sub);
      return claims && { accountId: sub, claims: () => ({ sub, ...claims }) };
    },
  });
  provider.use(async (ctx, next) => {
    await next();
    await spoilAnswer(ctx, state);
  });
  provider.on('server_error', (_ctx, error) => console.error(error));
  answer = provider.callback();
}

// Logs in without a human: as `account` of the query, else as the login hint, else as the newest account.
async function interact(request, response, url) {
  const { params } = await provider.interactionDetails(request, response);
  const accountId = url.searchParams.get('account') ?? params.login_hint ?? state.lastAccount;
  let result;
  if (url.searchParams.has('deny')) {
    result = { error: 'access_denied', error_description: 'the person said no' };
  } else if (!state.accounts.has(accountId)) {
    response.writeHead(404).end(`there is no account ${accountId}`);
    return;
  } else {
    const grant = new provider.Grant({ accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result = { login: { accountId }, consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const doubles = new Doubles(setup);

const server = createServer((request, response) => {
  const url = new URL(request.url, state.issuer);
  state.requests.push({ method: request.method, path: url.pathname });
  state.requests.splice(0, state.requests.length - REQUESTS_MAX);
  const failed = (error) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(400);
    response.end(String(error?.error_description ?? error));
  };
  if (breakEndpoint(url, response, state)) return;
  if (url.pathname.startsWith('/interaction/')) {
    interact(request, response, url).catch(failed);
  } else if (doubles.owns(url)) {
    doubles.answer(request, response, url).catch(failed);
  } else {
    answer(request, response);
  }
});

const ORDERS = {
  account({ sub, claims }) {
    state.accounts.set(sub, claims);
    state.lastAccount = sub;
  },
  fault({ name }) {
    state.faults.add(name);
  },
  break({ endpoint, how }) {
    state.broken.set(endpoint, how);
  },
  behave() {
    state.faults.clear();
    state.broken.clear();
  },
  requests() {
    return { requests: state.requests };
  },
  async mint({ claims, header }) {
    const [key] = state.keys;
    const jwt = new jose.SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header });
    return { token: await jwt.sign(await jose.importJWK(key, key.alg)) };
  },
  async signed({ token }) {
    const keys = state.keys.map(({ d, p, q, dp, dq, qi, ...open }) => open);
    const verified = jose.compactVerify(token, jose.createLocalJWKSet({ keys }));
    return { signed: await verified.then(() => true, () => false) };
  },
  rotate: startProvider,
  double(order) {
    return doubles.order(order);
  },
};

server.listen(0, '127.0.0.1', async () => {
  state.issuer = `http://127.0.0.1:${server.address().port}`;
  setup.redirect_uris ??= ['http://127.0.0.1/', 'http://127.0.0.1/callback', 'http://[::1]/callback'];
  for (const entry of CLIENTS) entry.redirect_uris = setup.redirect_uris;
  await startProvider();
  process.stdout.write(`${JSON.stringify({ ok: { issuer: state.issuer } })}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    let said;
    try {
      said = { ok: (await ORDERS[order.do](order)) ?? {} };
    } catch (error) {
      said = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(said)}\n`);
  }
  process.exit(0);
});
