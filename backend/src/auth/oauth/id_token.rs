//! Id tokens: whose key signed them, and whether the signature holds. What they say is judged in `rules`.
//!
//! The library verifies a signature and nothing else; which algorithm and which key may be used is decided
//! here. Algorithms with a shared secret and `none` are not on the list, so a public key can never pass as a
//! secret, and a key counts only for the algorithm family that it was made for.

use super::rules::Fault;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// No id token is longer: they hold a dozen claims.
const TOKEN_LEN_MAX: usize = 16 * 1024;
/// Keys of a set that are looked at: providers publish two or three.
const KEYS_MAX: usize = 64;
/// Shortest RSA modulus, in bytes: 2048 bits (RFC 7518 section 3.3).
const RSA_LEN_MIN: usize = 256;
/// Longest RSA modulus, in bytes: beyond it a check costs more than it gives.
const RSA_LEN_MAX: usize = 1024;

/// A provider's public keys.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Key>);

struct Key {
    kid: Option<String>,
    /// What the key may be used for; any algorithm of its family when it says nothing.
    alg: Option<String>,
    family: Family,
    key: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("family", &self.family).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    P256,
    Ed25519,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

/// Why a token's claims are not to be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unverified {
    /// The set has no such key: a newer one may.
    UnknownKey,
    /// It is no token of the provider's.
    Wrong(&'static str),
}

impl From<Unverified> for Fault {
    fn from(why: Unverified) -> Fault {
        match why {
            Unverified::UnknownKey => Fault::refused("id token: its key is unknown"),
            Unverified::Wrong(why) => Fault::Refused(format!("id token: {why}")),
        }
    }
}

impl KeySet {
    /// Reads a set; keys of other kinds than ours are passed over.
    pub(super) fn parse(document: Value) -> Option<KeySet> {
        let set: Jwks = serde_json::from_value(document).ok()?;
        Some(KeySet(set.keys.iter().take(KEYS_MAX).filter_map(key).collect()))
    }

    /// The claims of a token that one of the keys signed.
    pub(super) fn verify(&self, token: &str) -> Result<Map<String, Value>, Unverified> {
        let wrong = Unverified::Wrong;
        if token.len() > TOKEN_LEN_MAX {
            return Err(wrong("too long"));
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else { return Err(wrong("not three parts")) };
        let header = object(header).ok_or(wrong("no header"))?;
        let name = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let (algorithm, family) = match name {
            "RS256" => (Algorithm::RS256, Family::Rsa),
            "PS256" => (Algorithm::PS256, Family::Rsa),
            "ES256" => (Algorithm::ES256, Family::P256),
            "EdDSA" => (Algorithm::EdDSA, Family::Ed25519),
            _ => return Err(wrong("its algorithm is not allowed")),
        };
        // Extensions that must be understood (RFC 7515 section 4.1.11), and none is.
        if header.contains_key("crit") {
            return Err(wrong("it has critical extensions"));
        }
        let key = self.choose(header.get("kid"), name, family)?;
        let signed = &token[..token.len() - signature.len() - 1];
        match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, algorithm) {
            Ok(true) => object(claims).ok_or(wrong("no claims")),
            _ => Err(wrong("its signature does not hold")),
        }
    }

    /// The key that a header names; without a name, the only one that fits.
    fn choose(&self, kid: Option<&Value>, alg: &str, family: Family) -> Result<&DecodingKey, Unverified> {
        let kid = match kid {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(Unverified::Wrong("its key's name is no text"))?),
        };
        let fits = |key: &&Key| {
            key.family == family
                && key.alg.as_deref().is_none_or(|own| own == alg)
                && (kid.is_none() || key.kid.as_deref() == kid)
        };
        let mut found = self.0.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(&key.key),
            (None, _) => Err(Unverified::UnknownKey),
            (Some(_), Some(_)) => Err(Unverified::Wrong("it could be of several keys")),
        }
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn key(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let (family, key) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let modulus = URL_SAFE_NO_PAD.decode(text("n")?).ok()?;
            let len = modulus.iter().skip_while(|byte| **byte == 0).count();
            if !(RSA_LEN_MIN..=RSA_LEN_MAX).contains(&len) {
                return None;
            }
            (Family::Rsa, DecodingKey::from_rsa_components(text("n")?, text("e")?))
        }
        ("EC", Some("P-256")) => (Family::P256, DecodingKey::from_ec_components(text("x")?, text("y")?)),
        ("OKP", Some("Ed25519")) => (Family::Ed25519, DecodingKey::from_ed_components(text("x")?)),
        _ => return None,
    };
    Some(Key {
        kid: text("kid").map(str::to_owned),
        alg: text("alg").map(str::to_owned),
        family,
        key: key.ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use serde_json::json;

    fn signer(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn jwk(seed: u8, kid: &str) -> Value {
        let x = URL_SAFE_NO_PAD.encode(signer(seed).verifying_key().to_bytes());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig" })
    }

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": keys })).unwrap()
    }

    fn token(seed: u8, header: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(&json!({ "sub": "ann" })));
        let signature = signer(seed).sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn a_token_holds_under_the_key_that_it_names() {
        let keys = set(&[jwk(1, "one"), jwk(2, "two")]);
        let good = token(1, &json!({ "alg": "EdDSA", "kid": "one" }));
        assert_eq!(keys.verify(&good).unwrap()["sub"], "ann");
        let stranger = token(3, &json!({ "alg": "EdDSA", "kid": "three" }));
        assert_eq!(keys.verify(&stranger), Err(Unverified::UnknownKey));
        for forged in [
            token(3, &json!({ "alg": "EdDSA", "kid": "one" })),
            token(1, &json!({ "alg": "EdDSA", "kid": "two" })),
            token(1, &json!({ "alg": "EdDSA", "kid": 1 })),
            token(1, &json!({ "alg": "EdDSA" })),
            token(1, &json!({ "alg": "EdDSA", "kid": "one", "crit": ["b64"], "b64": false })),
            good.replacen('.', "..", 1),
            format!("{good}."),
            good[..good.len() - 2].to_owned(),
            format!("{}.", good.rsplit_once('.').unwrap().0),
            String::new(),
            "x".repeat(TOKEN_LEN_MAX + 1),
        ] {
            assert!(matches!(keys.verify(&forged), Err(Unverified::Wrong(_))), "{forged}");
        }
        // The only key that fits needs no name.
        let unnamed = token(1, &json!({ "alg": "EdDSA" }));
        assert!(set(&[jwk(1, "one")]).verify(&unnamed).is_ok());
    }

    #[test]
    fn no_algorithm_but_those_of_the_list() {
        let keys = set(&[jwk(1, "one")]);
        for alg in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "RS1", "eddsa", "ES256K"] {
            let token = token(1, &json!({ "alg": alg, "kid": "one" }));
            assert_eq!(keys.verify(&token), Err(Unverified::Wrong("its algorithm is not allowed")), "{alg}");
        }
        // Allowed, but not what the key is for.
        for alg in ["RS256", "PS256", "ES256"] {
            assert_eq!(
                keys.verify(&token(1, &json!({ "alg": alg, "kid": "one" }))),
                Err(Unverified::UnknownKey)
            );
        }
        assert!(matches!(keys.verify(&token(1, &json!({ "kid": "one" }))), Err(Unverified::Wrong(_))));
    }

    #[test]
    fn of_a_set_only_keys_that_sign_are_taken() {
        let with = |change: Value| {
            let mut key = jwk(1, "one");
            key.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            set(&[key]).0.len()
        };
        assert_eq!(with(json!({})), 1);
        for wrong in [
            json!({ "use": "enc" }),
            json!({ "kty": "oct", "k": "AAAA" }),
            json!({ "crv": "Ed448" }),
            json!({ "x": "!" }),
            json!({ "kty": "EC", "crv": "P-521", "y": "AA" }),
            json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB" }),
        ] {
            assert_eq!(with(wrong.clone()), 0, "{wrong}");
        }
        assert!(KeySet::parse(json!([])).is_none() && KeySet::parse(json!({ "keys": {} })).is_none());
        assert_eq!(set(&vec![jwk(1, "one"); 1000]).0.len(), KEYS_MAX);
    }
}
