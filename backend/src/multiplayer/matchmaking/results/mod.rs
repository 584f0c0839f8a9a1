//! How matches ended, and the ratings that come of it.
//!
//! A result counts once: when more than half of a match's players say the same, or when the game's own server says
//! it. Ratings are OpenSkill's, about 1500; a match of one team moves none.

mod db;

use super::backfill;
use super::db::{Seat, hold_match, rating, seats_of_held, set_match};
use super::matches::{FOUND, SETTLED, match_not_found, match_over};
use super::rules::{self, RatingRow};
use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::ports::sql::Transaction;
use aethex_matchmaker::ranker::{OpenSkill, RankedTeam};
use aethex_wire::ids::{GameId, MatchId, PlayerId};
use aethex_wire::multiplayer::matchmaking::{Rating, ReportResultRequest, ReportedResult, TeamResult};
use futures_util::FutureExt;
use std::collections::{BTreeMap, BTreeSet};

/// A player's rating in a queue; what newcomers have when there is none.
pub(super) async fn get(app: &App, game: &GameId, player: &PlayerId, mode: &str) -> Outcome<Rating> {
    rules::check_queue(mode)?;
    let row = rating(&app.sql, game, player, mode).await?.unwrap_or_default();
    let believed = row.rating();
    Ok(Rating {
        player_id: player.clone(),
        mode: mode.to_owned(),
        rating: believed.mu,
        deviation: believed.sigma,
        matches: row.matches,
    })
}

/// A player says how a match ended. Until it counts, the player may say otherwise.
pub(super) async fn report(
    app: &App,
    game: &GameId,
    id: &MatchId,
    player: &PlayerId,
    request: ReportResultRequest,
) -> Outcome<ReportedResult> {
    let (match_id, id, player, now) = (id, id.clone(), player.clone(), now_ms());
    let scope = app.sql.game(game);
    let reported = scope.transaction(move |tx| {
        async move {
            let row = hold_match(tx, &id).await?.ok_or_else(match_not_found)?;
            let seats = seats_of_held(tx, &id).await?;
            let own = seats.iter().find(|seat| seat.player == player).ok_or_else(match_not_found)?;
            let result = rules::result(request, &teams_of(&seats))?;
            let said =
                serde_json::to_string(&result).map_err(|error| Failure::internal(error.to_string()))?;
            let others = seats.iter().filter(|seat| seat.player != player);
            let agreeing = 1 + others.filter(|seat| seat.report.as_deref() == Some(said.as_str())).count();
            let needed = seats.len() / 2 + 1;
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let told =
                |settled| ReportedResult { settled, agreeing: number(agreeing), needed: number(needed) };
            if row.status == SETTLED && own.report.as_deref() == Some(said.as_str()) {
                return Ok(told(true));
            }
            if row.status != FOUND {
                return Err(match_over());
            }
            db::set_report(tx, &id, &player, said).await?;
            let settled = agreeing >= needed;
            if settled {
                settle(tx, &id, &row.mode, &seats, &result, now).await?;
            }
            Ok::<_, Failure>(told(settled))
        }
        .boxed()
    });
    let reported = reported.await?;
    if reported.settled {
        backfill::decided(app, game, match_id).await;
    }
    Ok(reported)
}

/// The game's server says how a match ended.
pub(super) async fn settle_by_server(
    app: &App,
    game: &GameId,
    id: &MatchId,
    request: ReportResultRequest,
) -> Outcome<ReportedResult> {
    let (match_id, id, now) = (id, id.clone(), now_ms());
    let scope = app.sql.game(game);
    let settled = scope.transaction(move |tx| {
        async move {
            let row = hold_match(tx, &id).await?.ok_or_else(match_not_found)?;
            let seats = seats_of_held(tx, &id).await?;
            let result = rules::result(request, &teams_of(&seats))?;
            if row.status != FOUND {
                return Err(match_over());
            }
            settle(tx, &id, &row.mode, &seats, &result, now).await?;
            Ok::<_, Failure>(ReportedResult { settled: true, agreeing: 0, needed: 0 })
        }
        .boxed()
    });
    let settled = settled.await?;
    backfill::decided(app, game, match_id).await;
    Ok(settled)
}

fn teams_of(seats: &[Seat]) -> BTreeSet<String> {
    seats.iter().map(|seat| seat.team.clone()).collect()
}

/// The result of a match that is held counts: once, for it is settled then.
async fn settle(
    tx: &mut Transaction,
    id: &MatchId,
    mode: &str,
    seats: &[Seat],
    result: &[TeamResult],
    now_ms: i64,
) -> Outcome<()> {
    set_match(tx, id, SETTLED, None, Some(now_ms)).await?;
    metrics::counter!("matchmaking_results_total").increment(1);
    if result.len() < 2 {
        return Ok(());
    }
    // Rows are taken in one order, so that matches that end at once do not wait for each other.
    let players: BTreeSet<&PlayerId> = seats.iter().map(|seat| &seat.player).collect();
    let mut before: BTreeMap<&PlayerId, RatingRow> = BTreeMap::new();
    for player in players {
        before.insert(player, db::hold_rating(tx, player, mode, now_ms).await?);
    }
    let of_team = |team: &str| -> Vec<&PlayerId> {
        seats.iter().filter(|seat| seat.team == team).map(|seat| &seat.player).collect()
    };
    let ranked = |result: &TeamResult| RankedTeam {
        players: of_team(&result.team).into_iter().map(|player| before[player].rating()).collect(),
        rank: result.place,
    };
    let ranked: Vec<RankedTeam> = result.iter().map(ranked).collect();
    let rated = OpenSkill::default().rate(&ranked).map_err(|error| Failure::internal(error.to_string()))?;
    for (result, ratings) in result.iter().zip(rated) {
        for (player, rating) in of_team(&result.team).into_iter().zip(ratings) {
            let row = RatingRow::of(rating, before[player].matches + 1);
            db::put_rating(tx, player, mode, row, now_ms).await?;
        }
    }
    Ok(())
}
