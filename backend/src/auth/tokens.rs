//! Access tokens (JWT, RFC 9068 profile) and refresh tokens.
//!
//! A refresh token is `rt1.<session>.<generation>.<secret>.<tag>`. The secret of each generation follows
//! from the one before under the server's key, so a refresh whose answer was lost can be repeated and
//! yields the same child; the database keeps only a digest. The tag proves that a token was ours, so that
//! an old one (stolen, perhaps) is told from noise and only the former ends the session.

use super::keys::Keys;
use aethex_wire::ids::{GameId, PlayerId, SessionId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Media type of access tokens, in their header (RFC 9068).
const TYP: &str = "at+jwt";
/// No access token of ours is longer.
const ACCESS_LEN_MAX: usize = 1024;
const TAG_LEN: usize = 16;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: String,
    pub(super) sid: String,
    pub(super) iat: i64,
    pub(super) exp: i64,
}

/// What a valid access token says.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) game: GameId,
    pub(super) player: PlayerId,
    pub(super) session: SessionId,
    pub(super) expires_at_s: i64,
}

pub(super) fn sign_access(keys: &Keys, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
    let pair = keys.signing();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYP.to_owned());
    header.kid = Some(pair.kid.clone());
    jsonwebtoken::encode(&header, claims, &pair.signing)
}

/// Checks everything that a token alone can tell; `None` for any fault.
pub(super) fn verify_access(keys: &Keys, issuer: &str, token: &str) -> Option<Access> {
    if token.len() > ACCESS_LEN_MAX {
        return None;
    }
    let header = jsonwebtoken::decode_header(token).ok()?;
    if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYP) {
        return None;
    }
    // Only our own keys count, found by their name; a key or address that the token brings is not looked at.
    let kid = header.kid.as_deref()?;
    let pair = keys.pair(kid)?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.leeway = 0;
    rules.validate_nbf = true;
    rules.set_issuer(&[issuer]);
    // The audience is the request's game, compared by the caller.
    rules.validate_aud = false;
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let claims = jsonwebtoken::decode::<Claims>(token, &pair.verifying, &rules).ok()?.claims;
    Some(Access {
        game: GameId::parse(&claims.aud)?,
        player: PlayerId::parse(&claims.sub)?,
        session: SessionId::parse(&claims.sid)?,
        expires_at_s: claims.exp,
    })
}

/// A refresh token, taken apart.
#[derive(Clone)]
pub(super) struct RefreshToken {
    pub(super) session: SessionId,
    pub(super) generation: i64,
    secret: [u8; 32],
}

impl RefreshToken {
    /// The first token of a session.
    pub(super) fn first(session: SessionId) -> RefreshToken {
        RefreshToken { session, generation: 1, secret: crate::context::random() }
    }

    /// The one token that follows this one.
    pub(super) fn next(&self, keys: &Keys) -> RefreshToken {
        let secret = self.mac(keys, "next").finalize().into_bytes().into();
        RefreshToken { session: self.session.clone(), generation: self.generation + 1, secret }
    }

    /// What the database keeps.
    pub(super) fn digest(&self) -> String {
        hex(&Sha256::digest(self.secret))
    }

    pub(super) fn encode(&self, keys: &Keys) -> String {
        let tag = self.mac(keys, "tag").finalize().into_bytes();
        format!(
            "rt1.{}.{}.{}.{}",
            self.session,
            self.generation,
            URL_SAFE_NO_PAD.encode(self.secret),
            URL_SAFE_NO_PAD.encode(&tag[..TAG_LEN])
        )
    }

    /// Takes a token of ours apart; `None` for anything else.
    pub(super) fn parse(keys: &Keys, text: &str) -> Option<RefreshToken> {
        let mut parts = text.strip_prefix("rt1.")?.split('.');
        let session = SessionId::parse(parts.next()?)?;
        let digits = parts.next()?;
        let generation: i64 = digits.parse().ok().filter(|n: &i64| *n > 0 && n.to_string() == digits)?;
        let secret = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
        let tag = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        let token = RefreshToken { session, generation, secret };
        let wanted = token.mac(keys, "tag").finalize().into_bytes();
        let ours: bool = wanted[..TAG_LEN].ct_eq(tag.as_slice()).into();
        (ours && parts.next().is_none()).then_some(token)
    }

    fn mac(&self, keys: &Keys, purpose: &str) -> Hmac<Sha256> {
        let mut mac = hmac(keys, purpose);
        mac.update(self.session.as_str().as_bytes());
        mac.update(&self.generation.to_le_bytes());
        mac.update(&self.secret);
        mac
    }
}

/// A digest of an address that tells nobody the address: of its /64 for IPv6, where one host has so many.
pub(crate) fn address_digest(keys: &Keys, address: std::net::IpAddr) -> String {
    let mut mac = hmac(keys, "address");
    match address {
        std::net::IpAddr::V4(v4) => mac.update(&v4.octets()),
        std::net::IpAddr::V6(v6) => mac.update(&v6.octets()[..8]),
    }
    hex(&mac.finalize().into_bytes()[..16])
}

/// A tag over a text, for one purpose: what carries it comes from us.
pub(super) fn seal(keys: &Keys, purpose: &str, text: &str) -> [u8; 32] {
    let mut mac = hmac(keys, purpose);
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// What the database keeps of a text that counts once.
pub(super) fn digest_of(purpose: &str, text: &str) -> String {
    hex(&Sha256::digest(format!("{purpose}\0{text}")))
}

fn hmac(keys: &Keys, purpose: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&keys.secret).expect("HMAC takes keys of any length");
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (tempfile::TempDir, Keys) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), 0).unwrap();
        (folder, keys)
    }

    #[test]
    fn refresh_tokens_follow_from_each_other_and_cannot_be_forged() {
        let (_folder, keys) = keys();
        let session = SessionId::parse(&crate::context::new_id()).unwrap();
        let first = RefreshToken::first(session);
        let text = first.encode(&keys);
        let parsed = RefreshToken::parse(&keys, &text).unwrap();
        assert_eq!(parsed.digest(), first.digest());
        assert_eq!(parsed.next(&keys).encode(&keys), first.next(&keys).encode(&keys));
        assert_ne!(first.next(&keys).digest(), first.digest());
        for at in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(RefreshToken::parse(&keys, &forged).is_none(), "{forged}");
        }
        assert!(RefreshToken::parse(&keys, &format!("{text}.")).is_none());
        let (_other_folder, others) = self::keys();
        assert!(RefreshToken::parse(&others, &text).is_none());
    }
}
