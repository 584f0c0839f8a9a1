// The packages, from the folder that AETHEX_NODE_PACKAGES names: they are installed outside the repository.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.AETHEX_NODE_PACKAGES}/package.json`);

async function load(name) {
  return import(pathToFileURL(require.resolve(name)).href);
}

export const oidc = await load('oidc-provider');
export const jose = await load('jose');
