//! Password hashing, and the checking of proofs of work: Argon2id (RFC 9106) on a few threads of low priority.
//!
//! A login flood must not starve other requests: there are as many hashing threads as cores, they yield
//! to the request threads, they reuse their memory, and past a short queue logins are shed.

use super::config::{AuthConfig, HASH_QUEUE_MAX};
use crate::app::StartError;
use crate::context::random;
use crate::error::{Failure, Outcome};
use aethex_wire::proof::Work;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parking_lot::Mutex;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;

const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;

/// How long a thread keeps its 19 MiB after its last hash: a burst of logins reuses it.
const MEMORY_KEPT: Duration = Duration::from_secs(10);
/// How far hashing threads stand back (0 to 99; the runtime's threads have the usual 50).
const THREAD_PRIORITY: u8 = 20;

#[derive(Debug)]
pub(crate) struct Passwords {
    jobs: mpsc::SyncSender<Job>,
    params: Params,
    /// What an unknown account's password is compared with, so that it takes as long.
    decoy: String,
}

struct Job {
    task: Task,
    answer: oneshot::Sender<Result<Done, String>>,
}

enum Task {
    Hash { password: String },
    Compare { password: String, phc: String },
    Prove(Claim),
}

enum Done {
    Hashed(String),
    Verified(bool),
}

/// What a proof of work says: that this number answers this challenge.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) challenge: String,
    pub(super) memory_kib: u32,
    pub(super) bits: u32,
    pub(super) number: u64,
}

impl Passwords {
    pub(crate) fn start(config: &AuthConfig) -> Result<Passwords, StartError> {
        let params = Params::new(config.argon2_memory_kib, config.argon2_passes, 1, Some(HASH_LEN))
            .map_err(|error| StartError(format!("`auth.argon2_*` cannot be used: {error}")))?;
        let (jobs, queue) = mpsc::sync_channel(HASH_QUEUE_MAX);
        let queue = Arc::new(Mutex::new(queue));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for number in 0..threads {
            let (queue, params) = (queue.clone(), params.clone());
            std::thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&queue, params))
                .map_err(|error| StartError(format!("cannot start a hashing thread: {error}")))?;
        }
        let decoy = encode(&params, &random::<SALT_LEN>(), &random::<HASH_LEN>());
        Ok(Passwords { jobs, params, decoy })
    }

    /// Hashes a new password into its PHC string.
    pub(crate) async fn hash(&self, password: String) -> Outcome<String> {
        match self.run(Task::Hash { password }).await? {
            Done::Hashed(phc) => Ok(phc),
            Done::Verified(_) => Err(Failure::internal("a hash was asked for")),
        }
    }

    /// Compares a password with a PHC string; with none, takes as long and says no.
    pub(crate) async fn verify(&self, password: String, phc: Option<&str>) -> Outcome<bool> {
        let against = phc.unwrap_or(&self.decoy).to_owned();
        match self.run(Task::Compare { password, phc: against }).await? {
            Done::Verified(same) => Ok(same && phc.is_some()),
            Done::Hashed(_) => Err(Failure::internal("a comparison was asked for")),
        }
    }

    /// Whether a proof of work holds.
    pub(super) async fn prove(&self, claim: Claim) -> Outcome<bool> {
        match self.run(Task::Prove(claim)).await? {
            Done::Verified(holds) => Ok(holds),
            Done::Hashed(_) => Err(Failure::internal("a proof was to be checked")),
        }
    }

    /// Whether a hash was made with other settings than today's.
    pub(crate) fn is_outdated(&self, phc: &str) -> bool {
        decode(phc).is_none_or(|(params, ..)| cost(&params) != cost(&self.params))
    }

    async fn run(&self, task: Task) -> Outcome<Done> {
        let (answer, done) = oneshot::channel();
        self.jobs.try_send(Job { task, answer }).map_err(|_| Failure::overloaded())?;
        let done = done.await.map_err(|_| Failure::internal("a hashing thread stopped"))?;
        done.map_err(Failure::internal)
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>, params: Params) {
    if let Ok(priority) = THREAD_PRIORITY.try_into() {
        // Without it hashing competes with requests as an equal: slower, not wrong.
        let _ = thread_priority::set_current_thread_priority(thread_priority::ThreadPriority::Crossplatform(
            priority,
        ));
    }
    let mut memory = Vec::new();
    loop {
        let waited = queue.lock().recv_timeout(MEMORY_KEPT);
        let job = match waited {
            Ok(job) => job,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                memory = Vec::new();
                continue;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        if job.answer.is_closed() {
            continue;
        }
        let done = match job.task {
            Task::Hash { password } => hash(&params, password.as_bytes(), &random::<SALT_LEN>(), &mut memory)
                .map(|(salt, hash)| Done::Hashed(encode(&params, &salt, &hash))),
            Task::Compare { password, phc } => {
                verify(password.as_bytes(), &phc, &mut memory).map(Done::Verified)
            }
            Task::Prove(claim) => Ok(Done::Verified(holds(&claim))),
        };
        let _ = job.answer.send(done);
    }
}

fn hash(
    params: &Params,
    password: &[u8],
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Result<(Vec<u8>, [u8; HASH_LEN]), String> {
    let mut out = [0; HASH_LEN];
    memory.resize(memory.len().max(params.block_count()), Block::default());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, &mut out, &mut memory[..])
        .map_err(|error| format!("argon2: {error}"))?;
    Ok((salt.to_vec(), out))
}

fn verify(password: &[u8], phc: &str, memory: &mut Vec<Block>) -> Result<bool, String> {
    let (params, salt, wanted) = decode(phc).ok_or("a stored password hash is damaged")?;
    let (_, found) = hash(&params, password, &salt, memory)?;
    Ok(found.ct_eq(&wanted).into())
}

fn holds(claim: &Claim) -> bool {
    Work::new(&claim.challenge, claim.memory_kib, claim.bits).is_some_and(|mut work| work.holds(claim.number))
}

fn cost(params: &Params) -> (u32, u32, u32) {
    (params.m_cost(), params.t_cost(), params.p_cost())
}

/// The PHC string format: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
fn encode(params: &Params, salt: &[u8], hash: &[u8]) -> String {
    let (m, t, p) = cost(params);
    format!(
        "$argon2id$v=19$m={m},t={t},p={p}${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(hash)
    )
}

fn decode(phc: &str) -> Option<(Params, Vec<u8>, [u8; HASH_LEN])> {
    let mut parts = phc.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs =
        costs.split(',').map(|cost| cost.split_once('=').and_then(|(_, n)| n.parse::<u32>().ok()));
    let params = Params::new(costs.next()??, costs.next()??, costs.next()??, Some(HASH_LEN)).ok()?;
    let salt = STANDARD_NO_PAD.decode(salt).ok()?;
    let hash = STANDARD_NO_PAD.decode(hash).ok()?.try_into().ok()?;
    parts.next().is_none().then_some((params, salt, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_account_costs_a_hash_of_the_same_price() {
        let config = AuthConfig { argon2_memory_kib: 64, argon2_passes: 1, ..AuthConfig::default() };
        let passwords = Passwords::start(&config).unwrap();
        let (params, ..) = decode(&passwords.decoy).expect("the decoy is worked through like any hash");
        assert_eq!(cost(&params), cost(&passwords.params));
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
        let phc = passwords.hash("correct horse".into()).await.unwrap();
        assert!(passwords.verify("correct horse".into(), Some(&phc)).await.unwrap());
    }

    #[test]
    fn hashes_verify_and_round_trip_in_phc_form() {
        let params = Params::new(64, 1, 1, Some(HASH_LEN)).unwrap();
        let mut memory = Vec::new();
        let (salt, hashed) = hash(&params, b"correct horse", &[7; SALT_LEN], &mut memory).unwrap();
        let phc = encode(&params, &salt, &hashed);
        assert!(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(verify(b"correct horse", &phc, &mut memory).unwrap());
        assert!(!verify(b"correct horsf", &phc, &mut memory).unwrap());
        assert!(!verify(b"correct horse\0", &phc, &mut memory).unwrap());
        assert!(verify(b"x", "$argon2i$v=19$m=64,t=1,p=1$AA$AA", &mut memory).is_err());
    }
}
