//! Proof of work: what a new account costs, paid unseen.
//!
//! A request that makes an account may be refused with a challenge. A proof of work is looked for on a
//! thread of its own with low priority, so that the game keeps its frames; it ends with the call that
//! wanted it, and with the challenge's time. Then the request is sent again. A CAPTCHA needs a person in
//! front of a web page: the game hands its token over, or gets the refusal with the challenge.

use crate::Error;
use crate::cloud::Shared;
use crate::http::{Answer, Request};
use aethex_wire::ErrorCode;
use aethex_wire::proof::{
    Challenge, ChallengeKind, PROOF_BITS_MAX, PROOF_LEN_MAX, PROOF_MEMORY_KIB_MAX, Proof, solve,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use thread_priority::{ThreadPriority, set_current_thread_priority};
use tokio::sync::oneshot;

/// Challenges that one call answers: the first, and one more when that expired or came from a server that
/// has forgotten it.
const CHALLENGES_MAX: u32 = 2;
/// Longest search, whatever time the challenge gives: no player waits longer for a login.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(5 * 60);
/// Of 0 to 99: behind everything that the player sees.
const THREAD_PRIORITY: u8 = 0;

/// Sends a request without a proof, and with one when the backend asks for it. `token` is the answer to a
/// CAPTCHA.
pub(crate) async fn send_with_proof(
    shared: &Shared,
    mut token: Option<&str>,
    request: impl Fn(Option<Proof>) -> Request,
) -> Result<Answer, Error> {
    let mut proof = None;
    for _ in 0..CHALLENGES_MAX {
        match shared.session.send_public(&request(proof.take())).await {
            Err(error) if wants_proof(&error) => proof = Some(answer(error, token.take()).await?),
            answer => return answer,
        }
    }
    shared.session.send_public(&request(proof)).await
}

fn wants_proof(error: &Error) -> bool {
    matches!(error.code, ErrorCode::ProofRequired | ErrorCode::InvalidProof)
}

/// The answer to a refusal's challenge, or the refusal when the SDK alone has none.
async fn answer(refusal: Error, token: Option<&str>) -> Result<Proof, Error> {
    let Some(challenge) = refusal.challenge.clone() else { return Err(refusal) };
    match (challenge.kind, token) {
        (ChallengeKind::Argon2id, _) => search(*challenge).await,
        (_, Some(token)) if token.len() <= PROOF_LEN_MAX => {
            Ok(Proof { challenge: challenge.challenge, solution: token.to_owned() })
        }
        (kind, _) => {
            let message = format!(
                "the backend wants the token of a CAPTCHA ({kind:?}): show its widget on the game's web page, \
                 with the site key in the error, and repeat the call with the token as proof_token"
            );
            Err(Error { message, ..refusal })
        }
    }
}

/// Tells the search to end when the call that waits for it ends.
struct EndOnDrop(Arc<AtomicBool>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn search(challenge: Challenge) -> Result<Proof, Error> {
    if challenge.bits > PROOF_BITS_MAX
        || challenge.memory_kib > PROOF_MEMORY_KIB_MAX
        || challenge.challenge.len() > PROOF_LEN_MAX
    {
        return Err(Error::protocol("the backend asks for more work than a client gives"));
    }
    let time = Duration::from_secs(u64::try_from(challenge.expires_in).unwrap_or(0)).min(SEARCH_TIME_MAX);
    let deadline = Instant::now() + time;
    let ended = Arc::new(AtomicBool::new(false));
    let _end = EndOnDrop(Arc::clone(&ended));
    let (found, answer) = oneshot::channel();
    let work = move || {
        // Where priorities cannot be set, the search is only less polite.
        if let Ok(priority) = THREAD_PRIORITY.try_into() {
            let _ = set_current_thread_priority(ThreadPriority::Crossplatform(priority));
        }
        let go_on = || !ended.load(Ordering::Relaxed) && Instant::now() < deadline;
        let _ = found.send(solve(&challenge, go_on));
    };
    std::thread::Builder::new()
        .name("aethex-proof".to_owned())
        .spawn(work)
        .map_err(|error| Error::storage("starting a thread", &error))?;
    match answer.await {
        Ok(Some(proof)) => Ok(proof),
        Ok(None) => Err(Error::new(ErrorCode::Timeout, "this device did not find the proof of work in time")),
        Err(_) => Err(Error::fault()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(bits: u32, expires_in: i64) -> Challenge {
        Challenge {
            kind: ChallengeKind::Argon2id,
            challenge: "pc1.test".into(),
            memory_kib: 64,
            bits,
            site_key: String::new(),
            expires_in,
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_search_ends_with_its_challenge_and_refuses_greed() {
        assert!(run(search(challenge(4, 60))).is_ok());
        assert_eq!(run(search(challenge(16, 0))).unwrap_err().code, ErrorCode::Timeout);
        assert_eq!(run(search(challenge(17, 60))).unwrap_err().code, ErrorCode::Protocol);
        let greedy = Challenge { memory_kib: PROOF_MEMORY_KIB_MAX + 1, ..challenge(4, 60) };
        assert_eq!(run(search(greedy)).unwrap_err().code, ErrorCode::Protocol);
    }

    #[test]
    fn captchas_need_the_games_token() {
        let refusal = |kind| Error {
            challenge: Some(Box::new(Challenge { kind, site_key: "site".into(), ..challenge(0, 60) })),
            ..Error::new(ErrorCode::ProofRequired, "prove it")
        };
        let proof = run(answer(refusal(ChallengeKind::Turnstile), Some("token"))).unwrap();
        assert_eq!((proof.challenge.as_str(), proof.solution.as_str()), ("pc1.test", "token"));
        let error = run(answer(refusal(ChallengeKind::Hcaptcha), None)).unwrap_err();
        assert_eq!(error.code, ErrorCode::ProofRequired);
        assert_eq!(error.challenge.unwrap().site_key, "site");
        let bare = Error::new(ErrorCode::ProofRequired, "no challenge");
        assert_eq!(run(answer(bare, Some("token"))).unwrap_err().code, ErrorCode::ProofRequired);
    }
}
