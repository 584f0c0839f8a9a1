//! The price of a new account: a proof of work, or the token of a CAPTCHA.
//!
//! [`check`] is asked by every way that makes an account. Without a proof it refuses with a challenge; with one
//! it says what is [`Spent`] by the account, which the transaction that makes the account writes down
//! (`db::spend`), so that a proof counts once, and one of a refused registration (a taken username) can be used
//! again. A challenge is sealed, not stored: it names game, difficulty and end under the server's key, so
//! handing it out costs nothing. Cheap checks come first; the hash runs on the password threads, behind their
//! bounded queue.

use super::captcha::Captcha;
use super::config::{ProofConfig, ProofKind};
use super::limits::Rate;
use super::passwords::Claim;
use super::tokens;
use crate::app::{App, StartError};
use crate::context::{now_ms, random};
use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::ids::GameId;
use aethex_wire::proof::{
    Challenge, ChallengeKind, PROOF_BITS_MAX, PROOF_LEN_MAX, PROOF_MEMORY_KIB_MAX, Proof,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

/// How long a challenge can be answered: a slow phone at the highest difficulty needs a minute or two.
const CHALLENGE_TTL_MS: i64 = 5 * 60 * 1000;
/// Most zero bits asked for: a desktop needs a minute, and clients refuse two bits more.
const BITS_MAX: u32 = PROOF_BITS_MAX - 2;
/// Bits that a challenge may lie under what is asked for now: it rose while an honest client was at work.
/// Challenges hoarded in quiet times are worth nothing in a flood.
const BITS_BEHIND_MAX: u32 = 2;
/// Accounts from one address before they get dearer (a classroom, a LAN party), and how fast they are forgotten.
const ADDRESS_FREE: i64 = 16;
const ADDRESS_RATE: Rate = Rate::of(ADDRESS_FREE, 60_000);
/// Accounts of a game before they get dearer for everybody, and how fast they are forgotten: one a second goes
/// on for ever, and a launch day's first rush fits.
const GAME_FREE: i64 = 600;
const GAME_RATE: Rate = Rate::of(GAME_FREE, 1000);
/// Most bits that a flood adds for everybody: sixteen times the price.
const GAME_BITS_MAX: u32 = 4;

/// Beginning of a challenge.
const PREFIX: &str = "pc1";
/// Bytes of a challenge's id, and of its seal.
const ID_LEN: usize = 16;
const SEAL_LEN: usize = 16;

/// What is known about proofs when the server runs.
#[derive(Debug)]
pub(super) struct Proofs {
    config: ProofConfig,
    captcha: Option<Captcha>,
}

impl Proofs {
    pub(super) fn new(config: &ProofConfig) -> Result<Proofs, StartError> {
        if config.bits > BITS_MAX {
            return Err(StartError(format!("`auth.proof.bits` is at most {BITS_MAX}")));
        }
        if !(8..=PROOF_MEMORY_KIB_MAX).contains(&config.memory_kib) {
            return Err(StartError(format!("`auth.proof.memory_kib` is 8 to {PROOF_MEMORY_KIB_MAX}")));
        }
        let captcha = match config.kind {
            ProofKind::Turnstile | ProofKind::Hcaptcha => Some(Captcha::new(config)?),
            ProofKind::Argon2id | ProofKind::None => None,
        };
        Ok(Proofs { config: config.clone(), captcha })
    }
}

/// A proof that holds, to be written down with the account that it pays for; nothing when none is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent(pub(super) Option<Once>);

/// What counts once, until it expires by itself.
#[derive(Debug, Clone)]
pub(super) struct Once {
    pub(super) digest: String,
    pub(super) expires_at_ms: i64,
}

/// Whether this address may make an account now: takes one from its allowance, and checks the proof. Refused
/// with a challenge when there is no proof, or one that does not hold.
pub(crate) async fn check(
    app: &App,
    game: &GameId,
    address_digest: &str,
    proof: Option<&Proof>,
) -> Outcome<Spent> {
    let (auth, now) = (&app.auth, now_ms());
    let config = &auth.proofs.config;
    if config.kind != ProofKind::None && proof.is_none() {
        let detail =
            "A new account answers a challenge first: answer it, then repeat the request with the proof.";
        let challenge = challenge(app, game, address_digest, now);
        return Err(Failure::challenged(ErrorCode::ProofRequired, detail, challenge));
    }
    let allowance = ("register", game, address_digest);
    auth.limiter.take(allowance, auth.rates.registration, now).map_err(Failure::rate_limited)?;
    let Some(proof) = proof.filter(|_| config.kind != ProofKind::None) else { return Ok(Spent::default()) };
    let bits_now = bits_now(app, game, address_digest, now);
    let open = Sealed::open(app, &proof.challenge)
        .filter(|sealed| proof.solution.len() <= PROOF_LEN_MAX && sealed.holds(config, game, bits_now, now));
    let spent = match open {
        Some(sealed) => verify(app, proof, sealed).await?,
        None => None,
    };
    match spent {
        Some(once) => {
            auth.limiter.count(("proof", game, address_digest), ADDRESS_RATE, now);
            auth.limiter.count(("proof", game), GAME_RATE, now);
            Ok(Spent(Some(once)))
        }
        None => Err(refused(app, game, address_digest)),
    }
}

/// The refusal of a proof, with a fresh challenge; also when `db::spend` finds that it was used.
pub(crate) fn refused(app: &App, game: &GameId, address_digest: &str) -> Failure {
    let challenge = challenge(app, game, address_digest, now_ms());
    let detail =
        "The proof does not answer its challenge, has expired or was used: answer the new challenge.";
    Failure::challenged(ErrorCode::InvalidProof, detail, challenge)
}

async fn verify(app: &App, proof: &Proof, sealed: Sealed) -> Outcome<Option<Once>> {
    let auth = &app.auth;
    let (holds, digest) = match &auth.proofs.captcha {
        Some(captcha) => {
            let token = proof.solution.as_str();
            let holds = !token.is_empty() && captcha.verify(&auth.proofs.config, token).await?;
            (holds, tokens::digest_of("captcha", token))
        }
        None => {
            // One spelling a number: not `+7`, not `007`.
            let number = proof.solution.parse::<u64>().ok().filter(|n| n.to_string() == proof.solution);
            let Some(number) = number else { return Ok(None) };
            let claim = Claim {
                challenge: proof.challenge.clone(),
                memory_kib: sealed.memory_kib,
                bits: sealed.bits,
                number,
            };
            (auth.passwords.prove(claim).await?, tokens::digest_of("proof", &proof.challenge))
        }
    };
    // Remembered past the challenge's end: servers' clocks differ, and a CAPTCHA's token lives as long again.
    Ok(holds.then_some(Once { digest, expires_at_ms: sealed.expires_at_ms + CHALLENGE_TTL_MS }))
}

fn challenge(app: &App, game: &GameId, address_digest: &str, now_ms: i64) -> Challenge {
    let config = &app.auth.proofs.config;
    let work = !matches!(config.kind, ProofKind::Turnstile | ProofKind::Hcaptcha);
    let sealed = Sealed {
        kind: config.kind,
        game: game.as_str().to_owned(),
        bits: if work { bits_now(app, game, address_digest, now_ms) } else { 0 },
        memory_kib: if work { config.memory_kib } else { 0 },
        expires_at_ms: now_ms + CHALLENGE_TTL_MS,
    };
    Challenge {
        kind: match config.kind {
            ProofKind::Turnstile => ChallengeKind::Turnstile,
            ProofKind::Hcaptcha => ChallengeKind::Hcaptcha,
            ProofKind::Argon2id | ProofKind::None => ChallengeKind::Argon2id,
        },
        challenge: sealed.seal(app, &random()),
        memory_kib: sealed.memory_kib,
        bits: sealed.bits,
        site_key: if work { String::new() } else { config.site_key.clone() },
        expires_in: CHALLENGE_TTL_MS / 1000,
    }
}

fn bits_now(app: &App, game: &GameId, address_digest: &str, now_ms: i64) -> u32 {
    let limiter = &app.auth.limiter;
    let of_address = limiter.level(("proof", game, address_digest), ADDRESS_RATE, now_ms);
    let of_game = limiter.level(("proof", game), GAME_RATE, now_ms);
    bits_for(app.auth.proofs.config.bits, of_address, of_game)
}

/// The difficulty, from accounts lately made from the address and in the whole game: past a free number, one
/// bit more (twice the work) each time the number doubles. Only accounts that paid a proof count, so nobody
/// makes it dearer for others without paying for it.
fn bits_for(base: u32, of_address: i64, of_game: i64) -> u32 {
    let doublings = |level: i64, free: i64| (level / free).checked_ilog2().map_or(0, |log| log + 1);
    let more = doublings(of_address, ADDRESS_FREE) + doublings(of_game, GAME_FREE).min(GAME_BITS_MAX);
    (base + more).min(BITS_MAX)
}

/// What a challenge says.
#[derive(Debug, Clone)]
struct Sealed {
    kind: ProofKind,
    game: String,
    bits: u32,
    memory_kib: u32,
    expires_at_ms: i64,
}

impl Sealed {
    /// `pc1.<kind>.<game>.<bits>.<memory>.<end>.<id>.<seal>`
    fn seal(&self, app: &App, id: &[u8; ID_LEN]) -> String {
        let kind = kind_name(self.kind);
        let text = format!(
            "{PREFIX}.{kind}.{}.{}.{}.{}.{}",
            self.game,
            self.bits,
            self.memory_kib,
            self.expires_at_ms,
            URL_SAFE_NO_PAD.encode(id)
        );
        let seal = tokens::seal(app.auth.keys(), "proof", &text);
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(&seal[..SEAL_LEN]))
    }

    /// Takes a challenge of ours apart; `None` for anything else.
    fn open(app: &App, text: &str) -> Option<Sealed> {
        if text.len() > PROOF_LEN_MAX {
            return None;
        }
        let (said, seal) = text.rsplit_once('.')?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        let wanted = tokens::seal(app.auth.keys(), "proof", said);
        if !bool::from(wanted[..SEAL_LEN].ct_eq(seal.as_slice())) {
            return None;
        }
        let mut parts = said.split('.');
        if parts.next() != Some(PREFIX) {
            return None;
        }
        let kind = parts.next()?;
        let kind = [ProofKind::Argon2id, ProofKind::Turnstile, ProofKind::Hcaptcha]
            .into_iter()
            .find(|known| kind_name(*known) == kind)?;
        Some(Sealed {
            kind,
            game: parts.next()?.to_owned(),
            bits: parts.next()?.parse().ok()?,
            memory_kib: parts.next()?.parse().ok()?,
            expires_at_ms: parts.next()?.parse().ok()?,
        })
    }

    /// Whether it can be answered here and now. A configuration that changed since makes it worthless.
    fn holds(&self, config: &ProofConfig, game: &GameId, bits_now: u32, now_ms: i64) -> bool {
        let hard_enough = config.kind != ProofKind::Argon2id
            || (self.bits + BITS_BEHIND_MAX >= bits_now && self.memory_kib >= config.memory_kib);
        self.kind == config.kind && self.game == game.as_str() && self.expires_at_ms > now_ms && hard_enough
    }
}

fn kind_name(kind: ProofKind) -> &'static str {
    match kind {
        ProofKind::Argon2id => "argon2id",
        ProofKind::Turnstile => "turnstile",
        ProofKind::Hcaptcha => "hcaptcha",
        ProofKind::None => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (Sealed, ProofConfig, GameId) {
        let game = GameId::parse(&crate::context::new_id()).unwrap();
        let sealed = Sealed {
            kind: ProofKind::Argon2id,
            game: game.as_str().to_owned(),
            bits: 8,
            memory_kib: 4096,
            expires_at_ms: 1000,
        };
        (sealed, ProofConfig::default(), game)
    }

    #[test]
    fn accounts_get_dearer_with_their_number_and_never_too_dear() {
        assert_eq!(bits_for(6, 0, 0), 6);
        assert_eq!(bits_for(6, ADDRESS_FREE - 1, GAME_FREE - 1), 6);
        assert_eq!(bits_for(6, ADDRESS_FREE, 0), 7);
        assert_eq!(bits_for(6, 2 * ADDRESS_FREE, 0), 8);
        assert_eq!(bits_for(6, 0, GAME_FREE), 7);
        assert_eq!(bits_for(6, 0, i64::MAX / 2), 6 + GAME_BITS_MAX);
        assert_eq!(bits_for(6, i64::MAX / 2, i64::MAX / 2), BITS_MAX);
        let rising: Vec<u32> = (0..4000).map(|level| bits_for(2, level, level)).collect();
        assert!(rising.is_sorted());
    }

    #[test]
    fn a_challenge_holds_for_its_game_time_kind_and_difficulty() {
        let (sealed, config, game) = sealed();
        assert!(sealed.holds(&config, &game, 8, 999));
        assert!(sealed.holds(&config, &game, 8 + BITS_BEHIND_MAX, 999), "it rose while a client was at work");
        assert!(!sealed.holds(&config, &game, 9 + BITS_BEHIND_MAX, 999), "hoarded in quiet times");
        assert!(!sealed.holds(&config, &game, 8, 1000), "expired");
        let other = GameId::parse(&crate::context::new_id()).unwrap();
        assert!(!sealed.holds(&config, &other, 8, 999), "another game's");
        let dearer = ProofConfig { memory_kib: 8192, ..config.clone() };
        assert!(!sealed.holds(&dearer, &game, 8, 999), "made when less memory was asked for");
        let captcha = ProofConfig { kind: ProofKind::Turnstile, ..config };
        assert!(!sealed.holds(&captcha, &game, 8, 999), "of another kind");
    }

    #[test]
    fn settings_that_no_client_could_answer_stop_the_start() {
        let with = |change: fn(&mut ProofConfig)| {
            let mut config = ProofConfig::default();
            change(&mut config);
            Proofs::new(&config)
        };
        assert!(with(|_| {}).is_ok());
        assert!(with(|config| config.bits = BITS_MAX + 1).is_err());
        assert!(with(|config| config.memory_kib = 7).is_err());
        assert!(with(|config| config.memory_kib = PROOF_MEMORY_KIB_MAX + 1).is_err());
        assert!(with(|config| config.kind = ProofKind::Hcaptcha).is_err(), "a CAPTCHA without its keys");
    }
}
