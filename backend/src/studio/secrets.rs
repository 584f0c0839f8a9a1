//! Tokens, codes and sealed secrets of the studio's side. The database keeps digests of what is presented, and
//! sealed what must be read again.

use crate::auth::Keys;
use crate::context::random;
use crate::error::{Failure, Outcome};
use aethex_wire::ids::PersonId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const NONCE_LEN: usize = 24;
/// Letters of codes that people type: none looks like another. A power of two, so that all are as likely.
const CODE_LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 256 random bits as text.
pub(super) fn new_token() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// What the database keeps of a token or code: none of them can be guessed, so a plain digest does.
pub(super) fn digest(text: &str) -> String {
    crate::auth::hex(&Sha256::digest(text))
}

/// A code of `N` letters in groups of four, five bits each.
pub(super) fn new_code<const N: usize>() -> String {
    let mut code = String::with_capacity(N + N / 4);
    for (at, byte) in random::<N>().into_iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(CODE_LETTERS[usize::from(byte & 31)]));
    }
    code
}

/// Seals a second factor's secret for one person: it opens for nobody else.
pub(super) fn seal(keys: &Keys, person: &PersonId, secret: &[u8]) -> Outcome<String> {
    let nonce = random::<NONCE_LEN>();
    let payload = Payload { msg: secret, aad: person.as_str().as_bytes() };
    let sealed = cipher(keys).encrypt(&XNonce::from(nonce), payload);
    let sealed = sealed.map_err(|_| Failure::internal("a secret cannot be sealed"))?;
    Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
}

/// Opens what was sealed for this person under this server's key.
pub(super) fn open(keys: &Keys, person: &PersonId, sealed: &str) -> Outcome<Vec<u8>> {
    let damaged = || Failure::internal("a sealed secret is damaged, or of another server's key");
    let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| damaged())?;
    let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
    let payload = Payload { msg: text, aad: person.as_str().as_bytes() };
    cipher(keys).decrypt(&XNonce::from(*nonce), payload).map_err(|_| damaged())
}

fn cipher(keys: &Keys) -> XChaCha20Poly1305 {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(&keys.secret).expect("HMAC takes keys of any length");
    mac.update(b"studio second factor\0");
    let key: [u8; 32] = mac.finalize().into_bytes().into();
    XChaCha20Poly1305::new(&key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_person_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), 0).unwrap();
        let [ann, bob] = [(); 2].map(|()| PersonId::parse(&crate::context::new_id()).unwrap());
        let sealed = seal(&keys, &ann, b"secret").unwrap();
        assert_eq!(open(&keys, &ann, &sealed).unwrap(), b"secret");
        assert!(open(&keys, &bob, &sealed).is_err());
        assert!(open(&keys, &ann, "").is_err());
        assert_ne!(seal(&keys, &ann, b"secret").unwrap(), sealed);
    }

    #[test]
    fn codes_have_their_letters_and_groups() {
        let code = new_code::<16>();
        assert_eq!(code.len(), 19);
        assert_eq!(super::super::rules::fold_code(&code.to_uppercase()).len(), 16);
    }
}
