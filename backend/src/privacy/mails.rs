//! The mails of privacy. Each is a job in the transaction of what it tells of.

use super::config::{DAY_MS, EXPORT_KEPT_MS, PARENT_CODE_TTL_MS};
use super::registry::Subject;
use crate::auth::holding::Reach;
use crate::mail::{Mail, Template, queue};
use crate::ports::sql::{SqlError, Transaction};
use serde_json::{Value, json};

fn mail(who: &Subject, reach: &Reach, template: Template, values: Value) -> Mail {
    Mail {
        game: Some(who.game.clone()),
        player: Some(who.player.clone()),
        to: reach.email.clone(),
        locale: reach.locale.clone(),
        template,
        values,
    }
}

/// To a parent: `reach` is the player's, but for the address. The address is in the mail's job until that is
/// sent, and nowhere else.
pub(super) async fn parent_consent(
    tx: &mut Transaction,
    who: &Subject,
    reach: &Reach,
    code: &str,
    link: &str,
) -> Result<(), SqlError> {
    let days = PARENT_CODE_TTL_MS / DAY_MS;
    let values = json!({ "username": reach.username, "code": code, "link": link, "days": days });
    queue(tx, &mail(who, reach, Template::ParentConsent, values)).await
}

/// An export can be downloaded.
pub(super) async fn export_ready(
    tx: &mut Transaction,
    who: &Subject,
    reach: &Reach,
    expires_at_ms: i64,
) -> Result<(), SqlError> {
    let days = EXPORT_KEPT_MS / DAY_MS;
    let values = json!({ "username": reach.username, "days": days, "date_ms": expires_at_ms });
    queue(tx, &mail(who, reach, Template::ExportReady, values)).await
}

/// Somebody asked for the erasure: if it was not the player, there is time to take it back.
pub(super) async fn erasure_scheduled(
    tx: &mut Transaction,
    who: &Subject,
    reach: &Reach,
    erasure_at_ms: i64,
) -> Result<(), SqlError> {
    let values = json!({ "username": reach.username, "date_ms": erasure_at_ms });
    queue(tx, &mail(who, reach, Template::ErasureScheduled, values)).await
}

/// The last mail: the account is closed, and everything goes.
pub(super) async fn erasure_done(tx: &mut Transaction, who: &Subject, reach: &Reach) -> Result<(), SqlError> {
    let values = json!({ "username": reach.username });
    queue(tx, &mail(who, reach, Template::ErasureDone, values)).await
}
