//! Proof of work at registration: cheap once, costly in bulk.
//!
//! The backend hands out a challenge; the SDK looks for a number whose Argon2id hash (RFC 9106) with the
//! challenge begins with so many zero bits. Argon2id because its price is memory: a graphics card gains
//! little over a phone. A try takes 4 MiB and some 3 ms; checking takes one. Instead of it a backend may be
//! configured to ask for the token of a CAPTCHA (Turnstile, hCaptcha), which needs a web page.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};

/// Most zero bits that a challenge asks for: some minutes of a phone. A client refuses more.
pub const PROOF_BITS_MAX: u32 = 16;
/// Most memory of a try, in KiB. A client refuses more.
pub const PROOF_MEMORY_KIB_MAX: u32 = 64 * 1024;
/// Longest challenge and solution, in bytes: a CAPTCHA's token has up to 2 KiB.
pub const PROOF_LEN_MAX: usize = 4096;

/// What a challenge asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChallengeKind {
    /// A number, found by [`solve`].
    Argon2id,
    /// A token of Cloudflare Turnstile.
    Turnstile,
    /// A token of hCaptcha.
    Hcaptcha,
}

/// What a new account must answer. It comes with `proof_required` and `invalid_proof`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Challenge {
    /// What is asked for.
    pub kind: ChallengeKind,
    /// Sealed text to send back; part of what is hashed.
    pub challenge: String,
    /// For `argon2id`: memory of a try, in KiB (one pass, one lane).
    #[serde(default)]
    pub memory_kib: u32,
    /// For `argon2id`: zero bits that the hash begins with.
    #[serde(default)]
    pub bits: u32,
    /// For CAPTCHAs: the site's public key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site_key: String,
    /// Seconds until it can no longer be answered.
    pub expires_in: i64,
}

/// The answer to a challenge. It counts once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// [`Challenge::challenge`].
    pub challenge: String,
    /// The number in decimal, or the CAPTCHA's token.
    pub solution: String,
}

crate::auth::hidden!(Proof);

/// A solver or checker of one challenge; keeps its memory between tries.
pub struct Work<'a> {
    argon: Argon2<'static>,
    memory: Vec<argon2::Block>,
    challenge: &'a str,
    salt: [u8; 16],
    bits: u32,
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("bits", &self.bits).finish_non_exhaustive()
    }
}

impl<'a> Work<'a> {
    /// Prepares; `None` when the challenge asks for more than anyone should give.
    pub fn new(challenge: &'a str, memory_kib: u32, bits: u32) -> Option<Work<'a>> {
        if bits > PROOF_BITS_MAX || memory_kib > PROOF_MEMORY_KIB_MAX || challenge.len() > PROOF_LEN_MAX {
            return None;
        }
        let params = Params::new(memory_kib, 1, 1, Some(32)).ok()?;
        let memory = vec![argon2::Block::default(); params.block_count()];
        let digest = blake3::hash(challenge.as_bytes());
        let salt = digest.as_bytes()[..16].try_into().ok()?;
        Some(Work {
            argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            memory,
            challenge,
            salt,
            bits,
        })
    }

    /// Whether this number answers the challenge.
    pub fn holds(&mut self, number: u64) -> bool {
        let text = format!("{}:{number}", self.challenge);
        let mut hash = [0; 32];
        let done = self.argon.hash_password_into_with_memory(
            text.as_bytes(),
            &self.salt,
            &mut hash,
            &mut self.memory,
        );
        let leading = u64::from_be_bytes(hash[..8].try_into().unwrap_or([0xff; 8])).leading_zeros();
        done.is_ok() && leading >= self.bits
    }
}

/// Looks for the number, asking before each try whether to go on.
pub fn solve(challenge: &Challenge, mut go_on: impl FnMut() -> bool) -> Option<Proof> {
    let mut work = Work::new(&challenge.challenge, challenge.memory_kib, challenge.bits)?;
    for number in 0..u64::MAX {
        if !go_on() {
            return None;
        }
        if work.holds(number) {
            return Some(Proof { challenge: challenge.challenge.clone(), solution: number.to_string() });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(bits: u32) -> Challenge {
        Challenge {
            kind: ChallengeKind::Argon2id,
            challenge: "pc1.test".into(),
            memory_kib: 64,
            bits,
            site_key: String::new(),
            expires_in: 60,
        }
    }

    #[test]
    fn a_solution_holds_for_its_challenge_only() {
        let proof = solve(&challenge(6), || true).unwrap();
        let number = proof.solution.parse().unwrap();
        assert!(Work::new("pc1.test", 64, 6).unwrap().holds(number));
        // Another challenge, and other memory, hash to something else.
        assert!(!Work::new("pc1.tesT", 64, 10).unwrap().holds(number));
        assert!(!Work::new("pc1.test", 128, 10).unwrap().holds(number));
    }

    #[test]
    fn a_search_can_be_given_up_and_greed_is_refused() {
        let mut tries = 0;
        let given_up = solve(&challenge(16), || {
            tries += 1;
            tries < 5
        });
        assert!(given_up.is_none());
        assert!(solve(&challenge(17), || true).is_none());
        assert!(Work::new("x", PROOF_MEMORY_KIB_MAX + 1, 1).is_none());
    }
}
