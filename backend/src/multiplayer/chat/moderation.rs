//! What may be said: engines that judge a message one after the other, before it is written.
//!
//! The list of words comes first; then, where one is named, a service over HTTP sees the text as the list leaves it.
//! The service is the operator's choice: its address comes from the settings alone, redirects are not followed,
//! proxies of the environment are not used, and its answer is bounded in time and length. What happens when it
//! cannot be asked is a setting too.

use super::config::{ChatConfig, Filter, WhenAway};
use super::words::Words;
use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Largest answer of the service read: a message of four bytes a character, escaped, and a little.
const ANSWER_LEN_MAX: usize = 64 * 1024;
/// Messages that the service is asked about at once; past that it counts as away.
const ASKED_MAX: usize = 256;

/// Something that a player is about to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) game: &'a GameId,
    pub(super) player: &'a PlayerId,
    pub(super) channel: &'a str,
    pub(super) text: &'a str,
}

/// What an engine says of it.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    /// In these words.
    Instead(String),
    Refuse,
}

/// The engine cannot judge now.
#[derive(Debug)]
struct Away(String);

/// An engine.
#[derive(Debug)]
enum Engine {
    Words { words: Words, refuse: bool },
    Service(Service),
}

impl Engine {
    async fn judge(&self, said: Said<'_>) -> Result<Verdict, Away> {
        match self {
            Engine::Words { words, refuse: true } if words.are_in(said.text) => Ok(Verdict::Refuse),
            Engine::Words { refuse: true, .. } => Ok(Verdict::Pass),
            Engine::Words { words, .. } => Ok(words.mask(said.text).map_or(Verdict::Pass, Verdict::Instead)),
            Engine::Service(service) => service.judge(said).await,
        }
    }
}

/// The engines of this server.
#[derive(Debug)]
pub(super) struct Moderation {
    engines: Vec<Engine>,
    away: WhenAway,
}

impl Moderation {
    /// The engines that the settings name.
    pub(super) fn open(config: &ChatConfig) -> Result<Moderation, String> {
        let mut engines = Vec::new();
        if config.filter != Filter::Off {
            let words = Words::open(config.built_in_words, &config.words_file)?;
            engines.push(Engine::Words { words, refuse: config.filter == Filter::Refuse });
        }
        if !config.moderation_url.is_empty() {
            engines.push(Engine::Service(Service::new(config)?));
        }
        Ok(Moderation { engines, away: config.moderation_away })
    }

    /// The text as it may be said.
    pub(super) async fn pass(&self, said: Said<'_>) -> Outcome<String> {
        let mut text = said.text.to_owned();
        for engine in &self.engines {
            match engine.judge(Said { text: &text, ..said }).await {
                Ok(Verdict::Pass) => {}
                Ok(Verdict::Instead(other)) => text = other,
                Ok(Verdict::Refuse) => {
                    metrics::counter!("chat_messages_refused_total").increment(1);
                    return Err(refused());
                }
                Err(Away(why)) => {
                    metrics::counter!("chat_moderation_away_total").increment(1);
                    tracing::warn!(why, "the moderation service cannot be asked");
                    if self.away == WhenAway::Closed {
                        return Err(Failure::overloaded());
                    }
                }
            }
        }
        Ok(text)
    }

    /// Whether the list of words has something against a name.
    pub(super) fn check_name(&self, name: &str) -> Outcome<()> {
        let has = |engine: &Engine| matches!(engine, Engine::Words { words, .. } if words.are_in(name));
        if self.engines.iter().any(has) { Err(refused()) } else { Ok(()) }
    }
}

fn refused() -> Failure {
    Failure::new(ErrorCode::MessageRefused, "The game's moderation does not let this be said.")
}

/// A service over HTTP.
struct Service {
    client: reqwest::Client,
    url: reqwest::Url,
    secret: String,
    asked: Semaphore,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

/// What the service is asked.
#[derive(Debug, Serialize)]
struct Question<'a> {
    game_id: &'a str,
    player_id: &'a str,
    channel: &'a str,
    text: &'a str,
}

/// What it answers.
#[derive(Debug, Deserialize)]
struct Answer {
    action: Action,
    #[serde(default)]
    text: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Pass,
    Replace,
    Refuse,
}

impl Service {
    fn new(config: &ChatConfig) -> Result<Service, String> {
        let url = reqwest::Url::parse(&config.moderation_url)
            .map_err(|error| format!("`multiplayer.chat.moderation_url` is no URL: {error}"))?;
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let failed = |error: String| format!("cannot set up the client of the moderation service: {error}");
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_millis(config.moderation_timeout_ms))
            .no_proxy()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let secret = config.moderation_secret.clone();
        Ok(Service { client, url, secret, asked: Semaphore::new(ASKED_MAX) })
    }

    async fn judge(&self, said: Said<'_>) -> Result<Verdict, Away> {
        let _asked = self.asked.try_acquire().map_err(|_| Away("it is asked too much at once".into()))?;
        let answer = self.ask(said).await.map_err(Away)?;
        match answer.action {
            Action::Pass => Ok(Verdict::Pass),
            Action::Refuse => Ok(Verdict::Refuse),
            Action::Replace => match super::rules::check_text(&answer.text) {
                Ok(()) => Ok(Verdict::Instead(answer.text)),
                Err(_) => Err(Away("its replacement is no message".into())),
            },
        }
    }

    async fn ask(&self, said: Said<'_>) -> Result<Answer, String> {
        let words = |error: reqwest::Error| error.without_url().to_string();
        let question = Question {
            game_id: said.game.as_str(),
            player_id: said.player.as_str(),
            channel: said.channel,
            text: said.text,
        };
        let json = serde_json::to_vec(&question).map_err(|error| error.to_string())?;
        let request =
            self.client.post(self.url.clone()).header(http::header::CONTENT_TYPE, "application/json");
        let request = match self.secret.as_str() {
            "" => request,
            secret => request.header(http::header::AUTHORIZATION, format!("Bearer {secret}")),
        };
        let mut answer = request.body(json).send().await.map_err(words)?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!("it answers {}", answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(words)? {
            if body.len() + part.len() > ANSWER_LEN_MAX {
                return Err("its answer is too long".into());
            }
            body.extend_from_slice(&part);
        }
        serde_json::from_slice(&body).map_err(|_| "its answer is not JSON of a verdict".into())
    }
}
