//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): how contents are sealed on devices and in the backend.
//!
//! Plain functions over bytes, compiled here: the cipher's generic code would otherwise be compiled, unoptimised in
//! development, by every crate that seals.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a nonce: long enough for random ones to never meet.
pub const NONCE_LEN: usize = 24;
/// Bytes that sealing adds.
pub const TAG_LEN: usize = 16;

/// Encrypts in place; the tag that proves it. `None` past the cipher's 256 GiB.
#[must_use]
pub fn seal(
    key: &[u8; KEY_LEN],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    text: &mut [u8],
) -> Option<[u8; TAG_LEN]> {
    let tag =
        XChaCha20Poly1305::new(key.into()).encrypt_inout_detached(&XNonce::from(nonce), aad, text.into());
    tag.ok().map(Into::into)
}

/// Decrypts in place what [`seal`] made with the same key, nonce and additional data; false, and nothing is changed,
/// for anything else.
#[must_use]
pub fn open(
    key: &[u8; KEY_LEN],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    text: &mut [u8],
    tag: [u8; TAG_LEN],
) -> bool {
    XChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(&XNonce::from(nonce), aad, text.into(), &Tag::from(tag))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_cipher_of_the_draft() {
        // Appendix A.3.1.
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let key: [u8; 32] = std::array::from_fn(|n| 0x80 + n as u8);
        let nonce: [u8; 24] = std::array::from_fn(|n| 0x40 + n as u8);
        let aad = hex("50515253c0c1c2c3c4c5c6c7");
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let mut text = plain.to_vec();
        let tag = seal(&key, nonce, &aad, &mut text).unwrap();
        assert_eq!(tag.to_vec(), hex("c0875924c1c7987947deafd8780acf49"));
        assert_eq!(text[..8], hex("bd6d179d3e83d43b"));
        let mut wrong = tag;
        wrong[0] ^= 1;
        let sealed = text.clone();
        assert!(!open(&key, nonce, &aad, &mut text, wrong));
        assert_eq!(text, sealed);
        assert!(open(&key, nonce, &aad, &mut text, tag));
        assert_eq!(text, plain);
    }
}
