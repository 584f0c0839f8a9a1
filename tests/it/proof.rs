//! The price of a new account: proof of work as the SDK does it, and CAPTCHAs.
//!
//! The CAPTCHA services cannot be run here: a double on the loopback network speaks their `siteverify` and
//! shows what the backend sends. What the real services answer is taken from their documentation.

use aethex_tests::app::Config;
use aethex_tests::wait::DEADLINE;
use aethex_tests::{App, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::auth::{LoggedIn, RegisterRequest};
use aethex_wire::proof::{Challenge, ChallengeKind, PROOF_BITS_MAX, Proof, Work, solve};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

const REGISTER: &str = "/api/v1/auth/register";

/// Proofs of work at their cheapest.
fn cheap(config: &mut Config) {
    config.auth.proof = Config::default().auth.proof;
    config.auth.proof.memory_kib = 64;
    config.auth.proof.bits = 4;
}

fn request(name: &str, proof: Option<Proof>) -> RegisterRequest {
    RegisterRequest {
        email: format!("{name}@example.com"),
        password: "correct horse".into(),
        proof,
        ..RegisterRequest::default()
    }
}

/// The challenge of a registration without a proof.
async fn challenge(app: &App) -> Challenge {
    let reply = app.post(REGISTER).json(&request("nobody", None)).send().await;
    *reply.refused(ErrorCode::ProofRequired).challenge.expect("a challenge to answer")
}

fn solved(challenge: &Challenge) -> Proof {
    solve(challenge, || true).expect("a challenge that a client takes")
}

/// Registers with this proof and expects it to be refused, with another challenge.
async fn refused(app: &App, proof: Proof) {
    let old = proof.challenge.clone();
    let problem =
        app.post(REGISTER).json(&request("eve", Some(proof))).send().await.refused(ErrorCode::InvalidProof);
    let fresh = problem.challenge.expect("a fresh challenge");
    assert_ne!(fresh.challenge, old);
}

on_both_engines! {
    async fn a_new_account_answers_a_challenge_by_default(app, |config| config.auth.proof = Config::default().auth.proof) {
        let asked = challenge(app).await;
        assert_eq!(asked.kind, ChallengeKind::Argon2id);
        assert_eq!((asked.bits, asked.memory_kib, asked.expires_in), (6, 4096, 300));
        assert_eq!(asked.site_key, "");
        let proof = solved(&asked);
        let ann: LoggedIn = app.post(REGISTER).json(&request("ann", Some(proof))).send().await.expect(201).json();
        assert_eq!(ann.user.email, "ann@example.com");
        // Logging in costs nothing.
        app.login("ann@example.com", "correct horse").send().await.expect(200);
    }

    async fn a_proof_counts_once(app, |config| cheap(config)) {
        let proof = solved(&challenge(app).await);
        app.post(REGISTER).json(&request("ann", Some(proof.clone()))).send().await.expect(201);
        refused(app, proof.clone()).await;
        // Nor with another answer to the same challenge.
        let mut work = Work::new(&proof.challenge, 64, 4).unwrap();
        let first: u64 = proof.solution.parse().unwrap();
        let second = (first + 1..).find(|number| work.holds(*number)).unwrap();
        refused(app, Proof { solution: second.to_string(), ..proof }).await;
    }

    async fn a_proof_used_at_once_makes_one_account(app, |config| cheap(config)) {
        let proof = solved(&challenge(app).await);
        let mut running = tokio::task::JoinSet::new();
        for number in 0..6 {
            let (client, proof) = (app.client().clone(), proof.clone());
            running.spawn(async move {
                client.post(REGISTER).json(&request(&format!("ann{number}"), Some(proof))).send().await.status
            });
        }
        let mut statuses = running.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 403, 403, 403, 403, 403]);
    }

    async fn a_refused_registration_keeps_its_proof(app, |config| cheap(config)) {
        let first = solved(&challenge(app).await);
        app.post(REGISTER).json(&request("ann", Some(first))).send().await.expect(201);
        let proof = solved(&challenge(app).await);
        let taken = request("ann", Some(proof.clone()));
        app.post(REGISTER).json(&taken).send().await.refused(ErrorCode::EmailTaken);
        app.post(REGISTER).json(&request("bea", Some(proof))).send().await.expect(201);
    }

    async fn what_is_no_proof_is_refused(app, |config| cheap(config)) {
        let asked = challenge(app).await;
        let proof = solved(&asked);
        let answer = |solution: &str| Proof { challenge: asked.challenge.clone(), solution: solution.to_owned() };
        let mut work = Work::new(&asked.challenge, 64, 4).unwrap();
        let wrong = (0..).find(|number| !work.holds(*number)).unwrap().to_string();
        let leading = format!("0{}", proof.solution);
        for solution in ["", "x", "-1", "18446744073709551616", &leading, &wrong] {
            refused(app, answer(solution)).await;
        }
        // Every part is sealed: game, difficulty, memory, end, id, and the seal itself.
        let parts: Vec<&str> = asked.challenge.split('.').collect();
        for at in 0..parts.len() {
            let mut other = parts.clone();
            let changed = if parts[at].contains('1') { parts[at].replace('1', "0") } else { format!("{}A", parts[at]) };
            other[at] = &changed;
            let challenge = other.join(".");
            let forged = Challenge { challenge, ..asked.clone() };
            refused(app, solved(&forged)).await;
        }
        // A difficulty of its own choice.
        let mut easier = parts.clone();
        easier[3] = "0";
        refused(app, solved(&Challenge { challenge: easier.join("."), bits: 0, ..asked.clone() })).await;
        for text in ["", "pc1", "pc1.......", &"x".repeat(5000)] {
            refused(app, Proof { challenge: text.to_owned(), solution: "0".into() }).await;
        }
        app.post(REGISTER).json(&request("ann", Some(proof))).send().await.expect(201);
    }

    async fn other_faults_are_told_before_the_proof_is_asked_for(app, |config| cheap(config)) {
        app.register("ann", "correct horse").send().await.refused(ErrorCode::InvalidEmail);
        app.register("ann@example.com", "short").send().await.refused(ErrorCode::WeakPassword);
    }

    async fn accounts_from_one_address_get_dearer(app, |config| cheap(config)) {
        let hoarded = solved(&challenge(app).await);
        for number in 0..80 {
            let proof = solved(&challenge(app).await);
            app.post(REGISTER).json(&request(&format!("ann{number}"), Some(proof))).send().await.expect(201);
        }
        let dearer = challenge(app).await;
        assert!(dearer.bits > 4 && dearer.bits < PROOF_BITS_MAX, "{}", dearer.bits);
        // What was asked for in quiet times is no longer enough.
        refused(app, hoarded).await;
        let elsewhere = app.client_from(9);
        let reply = elsewhere.post(REGISTER).json(&request("bea", None)).send().await;
        assert_eq!(reply.refused(ErrorCode::ProofRequired).challenge.unwrap().bits, 4);
    }
}

/// A CAPTCHA service's `siteverify`: gives these answers in turn, one a connection; returns what it was asked.
pub(crate) struct Double {
    pub(crate) url: String,
    asked: Receiver<String>,
}

impl Double {
    pub(crate) fn start(answers: &[&str]) -> Double {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/siteverify", listener.local_addr().unwrap());
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let (sender, asked) = channel();
        std::thread::spawn(move || {
            for answer in answers {
                // A connection that was opened and not used asks nothing.
                let said = std::iter::repeat_with(|| serve(&listener.accept().unwrap().0, &answer));
                sender.send(said.flatten().next().unwrap()).unwrap();
            }
        });
        Double { url, asked }
    }

    /// What it was asked, so many times.
    pub(crate) fn asked(self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.asked.recv_timeout(DEADLINE).unwrap()).collect()
    }
}

fn serve(mut stream: &TcpStream, answer: &str) -> Option<String> {
    let (mut said, mut part) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut part).unwrap();
        said += std::str::from_utf8(&part[..read]).unwrap();
        let Some((head, body)) = said.split_once("\r\n\r\n") else {
            if read == 0 {
                return None;
            }
            continue;
        };
        let length =
            head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || length.is_some_and(|length: usize| body.len() >= length) {
            let body = body.to_owned();
            let (status, json) = answer.split_once(' ').unwrap();
            let length = json.len();
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nlocation: /away\r\nconnection: close\r\n\r\n{json}")
                .unwrap();
            return Some(body);
        }
    }
}

fn with_captcha(kind: &str, url: &str, test: impl AsyncFnOnce(&App)) {
    let proof = json!({ "kind": kind, "site_key": "site", "secret": "a&b", "verify_url": url });
    aethex_tests::app::run(
        aethex_tests::Engine::Sqlite,
        |config| config.auth.proof = serde_json::from_value(proof).unwrap(),
        test,
    );
}

async fn token(app: &App, name: &str, token: &str) -> aethex_tests::Reply {
    let proof = Proof { challenge: challenge(app).await.challenge, solution: token.to_owned() };
    app.post(REGISTER).json(&request(name, Some(proof))).send().await
}

#[test]
fn a_captcha_is_verified_with_its_service() {
    for (kind, expected) in [("turnstile", ChallengeKind::Turnstile), ("hcaptcha", ChallengeKind::Hcaptcha)] {
        let answers = [
            r#"200 {"success":true,"hostname":"x"}"#,
            r#"200 {"success":false,"error-codes":["invalid-input-response"]}"#,
            r#"400 {"success":false,"error-codes":["timeout-or-duplicate"]}"#,
            r#"200 {"success":true}"#,
            r#"200 {"success":false,"error-codes":["invalid-input-secret"]}"#,
            r#"500 {"success":true}"#,
            r#"302 {"success":true}"#,
            r#"200 yes"#,
        ];
        let double = Double::start(&answers);
        with_captcha(kind, &double.url.clone(), async |app| {
            let asked = challenge(app).await;
            assert_eq!((asked.kind, asked.site_key.as_str(), asked.bits), (expected, "site", 0));
            token(app, "ann", "good+token").await.expect(201);
            token(app, "bea", "bad").await.refused(ErrorCode::InvalidProof);
            token(app, "bea", "old").await.refused(ErrorCode::InvalidProof);
            // The service forgot that it saw this one; the backend did not.
            token(app, "bea", "good+token").await.refused(ErrorCode::InvalidProof);
            // Nothing is asked for an empty token.
            token(app, "bea", "").await.refused(ErrorCode::InvalidProof);
            for _ in 0..4 {
                token(app, "bea", "any").await.refused(ErrorCode::Overloaded);
            }
        });
        let asked = double.asked(answers.len());
        assert_eq!(asked[0], "secret=a%26b&response=good%2Btoken&sitekey=site");
    }
}

#[test]
fn nobody_passes_while_the_captcha_service_is_away() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    with_captcha("turnstile", &format!("http://{closed}/"), async |app| {
        let problem = token(app, "ann", "any").await.refused(ErrorCode::Overloaded);
        assert!(problem.retryable);
        app.login("ann@example.com", "correct horse").send().await.refused(ErrorCode::InvalidCredentials);
    });
}
