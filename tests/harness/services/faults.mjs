// What a provider can do wrong, done to the answers of one that does not.

import { createHmac, createPublicKey, randomBytes } from 'node:crypto';
import { jose } from './packages.mjs';

const HOUR = 3600;
// Far beyond what any reader should take.
const HUGE_BYTES = 256 * 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, ' ');

const ENDPOINTS = {
  '/.well-known/openid-configuration': 'discovery',
  '/jwks': 'jwks',
  '/token': 'token',
  '/me': 'userinfo',
};

// Changes to the claims, which are then signed as they should be.
const CLAIMS = {
  wrong_nonce: (claims) => ({ ...claims, nonce: randomBytes(16).toString('hex') }),
  no_nonce: ({ nonce, ...rest }) => rest,
  other_audience: (claims) => ({ ...claims, aud: 'other', azp: 'other' }),
  foreign_party: (claims) => ({ ...claims, aud: [claims.aud, 'other'], azp: 'other' }),
  no_audience: ({ aud, ...rest }) => rest,
  expired: (claims) => ({ ...claims, iat: claims.iat - 2 * HOUR, exp: claims.iat - HOUR }),
  no_expiry: ({ exp, ...rest }) => rest,
  not_yet: (claims) => ({ ...claims, iat: claims.iat + HOUR, nbf: claims.iat + HOUR, exp: claims.exp + HOUR }),
  wrong_issuer: (claims) => ({ ...claims, iss: 'https://issuer.example' }),
  no_subject: ({ sub, ...rest }) => rest,
};

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

// Changes to the signature. They get the claims, the header and the key it would be signed with.
const SIGNATURES = {
  unsigned: (claims) => `${encode({ alg: 'none' })}.${encode(claims)}.`,
  async foreign_key(claims, header) {
    const { privateKey } = await jose.generateKeyPair(header.alg);
    return new jose.SignJWT(claims).setProtectedHeader(header).sign(privateKey);
  },
  async tampered(claims, header, key) {
    const signed = await sign(claims, header, key);
    const [head, , signature] = signed.split('.');
    return `${head}.${encode({ ...claims, sub: 'somebody-else', email: 'admin@example.com' })}.${signature}`;
  },
  // The public key taken for a shared secret.
  hmac_of_public_key(claims, header, key) {
    const secret = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const text = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  },
};

async function sign(claims, header, key) {
  return new jose.SignJWT(claims).setProtectedHeader(header).sign(await jose.importJWK(key, header.alg));
}

async function spoilIdToken(token, state) {
  const header = jose.decodeProtectedHeader(token);
  let claims = jose.decodeJwt(token);
  const key = state.keys.find(({ kid }) => kid === header.kid);
  for (const [name, change] of Object.entries(CLAIMS)) {
    if (state.faults.has(name)) claims = change(claims);
  }
  for (const [name, forge] of Object.entries(SIGNATURES)) {
    if (state.faults.has(name)) return forge(claims, header, key);
  }
  return sign(claims, header, key);
}

// Changes an answer that the provider has ready.
export async function spoilAnswer(ctx, state) {
  const endpoint = ENDPOINTS[ctx.path];
  const has = (name) => state.faults.has(name);
  if (ctx.status !== 200 || state.faults.size === 0) return;
  if (endpoint === 'discovery' && has('discovery_issuer')) {
    ctx.body = { ...ctx.body, issuer: 'https://issuer.example' };
  } else if (endpoint === 'token' && ctx.body?.id_token) {
    const { id_token: token, ...rest } = ctx.body;
    ctx.body = has('no_id_token') ? rest : { ...rest, id_token: await spoilIdToken(token, state) };
  } else if (endpoint === 'userinfo' && has('userinfo_of_another')) {
    ctx.body = { ...ctx.body, sub: 'somebody-else', email: 'admin@example.com', email_verified: true };
  }
}

function huge(response) {
  let left = HUGE_BYTES;
  const more = () => {
    while (left > 0) {
      left -= PIECE.length;
      if (!response.write(PIECE)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  more();
}

const BREAKS = {
  fails: (response) => response.writeHead(503).end('out of order'),
  // Answers when its reader has gone, never before.
  hangs: () => {},
  huge,
  garbage: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token": tru'),
  html: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Please log in</h1>'),
  redirects: (response, state) => response.writeHead(307, { location: `${state.issuer}/elsewhere` }).end(),
  cuts: (response) => response.destroy(),
};

// Answers in place of a broken endpoint; whether it did.
export function breakEndpoint(url, response, state) {
  const how = state.broken.get(ENDPOINTS[url.pathname]);
  if (!how) return false;
  BREAKS[how](response, state);
  return true;
}
