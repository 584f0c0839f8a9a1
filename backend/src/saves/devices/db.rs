//! SQL of devices.

use crate::args;
use crate::ports::sql::{Sql, SqlError};
use crate::saves::contents::Owner;
use aethex_wire::saves::history::{Device, PutDeviceRequest};
use futures_util::FutureExt;

/// Writes down what a device tells, and forgets the player's devices past `max`.
pub(super) async fn put(
    sql: &Sql,
    owner: Owner<'_>,
    device_id: String,
    told: PutDeviceRequest,
    now_ms: i64,
    max: i64,
) -> Result<(), SqlError> {
    let player = owner.player.clone();
    sql.game(owner.game)
        .transaction(move |tx| {
            async move {
                tx.execute(
                    "INSERT INTO saves_device (game_id, player_id, device_id, device_name, slot, unsent, seen_at_ms)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)
                     ON CONFLICT (game_id, player_id, device_id) DO UPDATE SET device_name = excluded.device_name,
                        slot = excluded.slot, unsent = excluded.unsent, seen_at_ms = excluded.seen_at_ms",
                    args![
                        player.as_str(),
                        device_id.as_str(),
                        told.device_name,
                        told.slot,
                        i64::from(told.unsent),
                        now_ms
                    ],
                )
                .await?;
                tx.execute(
                    "DELETE FROM saves_device WHERE game_id = $1 AND player_id = $2 AND device_id NOT IN (
                        SELECT device_id FROM saves_device WHERE game_id = $1 AND player_id = $2
                        ORDER BY seen_at_ms DESC, device_id LIMIT $3)",
                    args![player.as_str(), max],
                )
                .await
                .map(drop)
            }
            .boxed()
        })
        .await
}

/// The player's devices that told of themselves after a time, the latest first; none is said to be active.
pub(super) async fn list(
    sql: &Sql,
    owner: Owner<'_>,
    since_ms: i64,
    max: i64,
) -> Result<Vec<Device>, SqlError> {
    sql.game(owner.game)
        .read(
            "SELECT device_id, device_name, slot, unsent, seen_at_ms FROM saves_device
             WHERE game_id = $1 AND player_id = $2 AND seen_at_ms > $3 ORDER BY seen_at_ms DESC, device_id LIMIT $4",
            args![owner.player.as_str(), since_ms, max],
            |row| {
                Ok(Device {
                    device_id: row.text(0)?,
                    device_name: row.text(1)?,
                    slot: row.text(2)?,
                    unsent: row.int(3)? != 0,
                    seen_at_ms: row.int(4)?,
                    active: false,
                })
            },
        )
        .await
}

/// Removes devices that have not told of themselves since a time, at most `limit`.
pub(super) async fn sweep(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM saves_device WHERE (game_id, player_id, device_id) IN (
                SELECT game_id, player_id, device_id FROM saves_device WHERE seen_at_ms <= $1 LIMIT $2)",
            args![before_ms, limit],
        )
        .await
}
