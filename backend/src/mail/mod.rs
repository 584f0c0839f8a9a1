//! Mails: a template in the reader's language, sent by a job.
//!
//! [`queue`] puts a mail into the caller's transaction; the job renders it (`templates`) and hands it to the
//! port (`ports::mail`). Nothing that a player chose can become a header, an address or a link: `rules` takes
//! names down to letters, digits and a few signs, lets only codes and links of the expected form through, and
//! lettre's builders encode every header. Of names only the username is shown, which has few signs anyway.

pub(crate) mod config;
mod rules;
mod templates;

pub use templates::Template;

use crate::app::{App, StartError};
use crate::config::Config;
use crate::context::now_ms;
use crate::jobs::{Job, JobError, NewJob, enqueue};
use crate::ports::mail::{Mail as Port, SendError};
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};
use templates::{Rendered, Templates};

/// The kind of the jobs that send mails.
pub(crate) const SEND: &str = "mail.send";
/// Who mails come from while nobody is configured, which is only so with the outbox folder.
const NOBODY: &str = "noreply@localhost";

/// A mail to be sent.
#[derive(Clone)]
pub struct Mail {
    /// The game it is about; its name is shown.
    pub game: Option<GameId>,
    /// The player it is about.
    pub player: Option<PlayerId>,
    /// The address.
    pub to: String,
    /// The reader's language (BCP 47); English when it is empty or not spoken.
    pub locale: String,
    /// What it says.
    pub template: Template,
    /// What the template shows: `username`, `code`, `link`, `minutes` and `days` (how long code and link are
    /// valid), `date_ms`, `provider`, `change` (`linked` or `unlinked`), `device`, `organization`, `inviter`, `role`.
    pub values: Value,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("template", &self.template).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Payload {
    to: String,
    locale: String,
    template: String,
    values: Value,
}

/// Puts a mail into the caller's transaction. Wake the worker after the commit.
pub async fn queue(transaction: &mut Transaction, mail: &Mail) -> Result<(), SqlError> {
    rules::values(mail.template, &mail.values).map_err(SqlError::Other)?;
    let payload = json!(Payload {
        to: mail.to.clone(),
        locale: mail.locale.clone(),
        template: mail.template.name().to_owned(),
        values: mail.values.clone(),
    });
    let job = NewJob { kind: SEND, player: mail.player.as_ref(), payload, run_at_ms: 0, key: None };
    enqueue(transaction, mail.game.as_ref(), job).await
}

/// Whether a mail's payload can be kept when the mail is given up: one with a code or a link cannot. They are
/// secrets, and whoever waits for them asks again.
pub(crate) fn is_plain(payload: &str) -> bool {
    let Ok(payload) = serde_json::from_str::<Payload>(payload) else { return false };
    let has = |name: &str| payload.values[name].as_str().is_some_and(|text| !text.is_empty());
    !has("code") && !has("link")
}

/// What sends mails.
#[derive(Debug)]
pub(crate) struct Mailroom {
    port: Port,
    templates: Templates,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    product_name: String,
}

impl Mailroom {
    /// Opens the port and reads the operator's templates. Reaches no server yet.
    pub(crate) fn open(config: &Config) -> Result<Mailroom, StartError> {
        let port = Port::open(&config.mail, &config.data).map_err(StartError)?;
        let mailbox = |key: &str, text: &str| {
            let parsed = text.parse::<Mailbox>();
            parsed.map_err(|_| StartError(format!("`mail.{key}` is not an email address: {text}")))
        };
        let from = match config.mail.from.as_str() {
            "" => NOBODY,
            from => from,
        };
        let reply_to = match config.mail.reply_to.as_str() {
            "" => None,
            address => Some(mailbox("reply_to", address)?),
        };
        Ok(Mailroom {
            port,
            templates: Templates::open(&config.mail.templates)
                .map_err(|error| StartError(format!("`mail.templates`: {error}")))?,
            from: mailbox("from", from)?,
            reply_to,
            product_name: rules::one_line(&config.mail.product_name),
        })
    }

    /// Whether mails can leave, in words.
    pub(crate) async fn probe(&self) -> Result<String, String> {
        self.port.probe().await
    }

    fn message(&self, job: &Job, payload: &Payload, game: Option<&str>) -> Result<Message, String> {
        let template = Template::parse(&payload.template).ok_or("there is no such template")?;
        let to = payload.to.parse().map_err(|_| "the address cannot be used")?;
        let game = game.unwrap_or(&self.product_name);
        let mut values = rules::values(template, &payload.values)?;
        values.insert("game".into(), rules::one_line(game).into());
        values.insert("product".into(), self.product_name.as_str().into());
        let Rendered { subject, text, html } = self.templates.render(template, &payload.locale, &values)?;
        let name = self.from.name.clone().unwrap_or_else(|| rules::one_line(game));
        let mut builder = Message::builder()
            .from(Mailbox::new(Some(name), self.from.email.clone()))
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(UNIX_EPOCH + Duration::from_millis(now_ms().unsigned_abs()))
            // The same in every attempt, so that a mail that was sent twice is recognised.
            .message_id(Some(format!("<{}@{}>", job.id, self.from.email.domain())))
            .header(AutoSubmitted);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let body = MultiPart::alternative_plain_html(text, html);
        builder.multipart(body).map_err(|_| "the mail cannot be put together".into())
    }
}

/// Tells other programs not to answer (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

/// The job: renders a mail and sends it.
pub(crate) async fn send(app: &App, job: &Job) -> Result<(), JobError> {
    let payload = Payload::deserialize(&job.payload);
    let payload = payload.map_err(|_| JobError::Never("its payload is not that of a mail".into()))?;
    let game = match &job.game {
        Some(game) => app.auth.game_name(&app.sql, game).await?,
        None => None,
    };
    let message = app.mail.message(job, &payload, game.as_deref()).map_err(JobError::Never)?;
    app.mail.port.send(&job.id, message).await.map_err(|error| match error {
        SendError::Refused(_) => JobError::Never(error.to_string()),
        SendError::Passing(_) => JobError::Again(error.to_string()),
    })
}

#[cfg(test)]
mod tests;
