//! SQL of what may be changed about a version.

use crate::args;
use crate::ports::sql::{Sql, SqlError};
use crate::saves::contents::Owner;
use aethex_wire::ids::VersionId;
use aethex_wire::saves::history::PutVersionRequest;

/// Changes a version whose content is there; false when there is none. One that is not pinned any more is looked at soon.
pub(in crate::saves) async fn change(
    sql: &Sql,
    owner: Owner<'_>,
    slot: &str,
    version: &VersionId,
    change: &PutVersionRequest,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let changed = sql
        .game(owner.game)
        .execute(
            "UPDATE saves_version SET pinned = COALESCE($5, pinned), label = COALESCE($6, label),
                review_at_ms = CASE WHEN pinned = 1 AND $5 = 0 THEN $7 ELSE review_at_ms END
             WHERE game_id = $1 AND player_id = $2 AND slot = $3 AND version_id = $4 AND deleted = 0
                AND pruned_at_ms IS NULL AND purged_at_ms IS NULL",
            args![
                owner.player.as_str(),
                slot,
                version.as_str(),
                change.pinned.map(i64::from),
                change.label.clone(),
                now_ms
            ],
        )
        .await?;
    Ok(changed == 1)
}
