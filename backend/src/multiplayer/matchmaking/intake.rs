//! Tickets on their way into the database: those of a game that come while others of it are written go together, in
//! one transaction.

use super::db::{self, TicketRow};
use super::queue_full;
use crate::error::{Failure, Outcome};
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId};
use futures_util::FutureExt;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Tickets written in one transaction.
const BATCH: usize = 256;
/// Tickets of a game that wait to be written: a second's joining of one that has just opened.
const WAITING_MAX: usize = 16_384;

/// A ticket that somebody wants written.
#[derive(Debug)]
struct Asked {
    row: TicketRow,
    players: Vec<PlayerId>,
    reply: oneshot::Sender<Result<bool, SqlError>>,
}

/// Tickets that wait to be written; those of a game as long as a task writes them.
#[derive(Debug, Default)]
pub(super) struct Intake(Mutex<HashMap<GameId, Vec<Asked>>>);

impl Intake {
    /// Writes a ticket; `false` when one of its players is on another that is open.
    pub(super) async fn write(
        self: &Arc<Intake>,
        sql: &Sql,
        game: &GameId,
        row: &TicketRow,
        players: &[PlayerId],
    ) -> Outcome<bool> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { row: row.clone(), players: players.to_vec(), reply };
        match self.0.lock().entry(game.clone()) {
            Entry::Occupied(waiting) if waiting.get().len() >= WAITING_MAX => {
                return Err(queue_full());
            }
            Entry::Occupied(mut waiting) => waiting.get_mut().push(asked),
            Entry::Vacant(free) => {
                free.insert(vec![asked]);
                // In a task: whoever asked first may give up, and those behind it wait on.
                let writing = Writing { intake: self.clone(), game: game.clone(), is_over: false };
                tokio::spawn(writing.run(sql.clone()));
            }
        }
        Ok(answer.await.map_err(|_| Failure::overloaded())??)
    }
}

/// The task that writes a game's tickets, until none waits.
struct Writing {
    intake: Arc<Intake>,
    game: GameId,
    is_over: bool,
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.is_over {
            // It failed: those who wait are told, and the next one begins anew.
            self.intake.0.lock().remove(&self.game);
        }
    }
}

impl Writing {
    async fn run(mut self, sql: Sql) {
        while let Some(batch) = self.next() {
            let (tickets, replies): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|asked| ((asked.row, asked.players), asked.reply)).unzip();
            let tickets = Arc::new(tickets);
            let written = match insert(&sql, &self.game, tickets.clone()).await {
                // One that the database does not take is not in the way of the others.
                Err(SqlError::Unique(_) | SqlError::Other(_)) if tickets.len() > 1 => {
                    self.insert_each(&sql, &tickets).await
                }
                Ok(written) => written.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error); tickets.len()],
            };
            for (reply, written) in replies.into_iter().zip(written) {
                // Who asked may have given up: the ticket ends with its player's absence.
                let _ = reply.send(written);
            }
        }
    }

    /// What waits now; nothing when the task is over.
    fn next(&mut self) -> Option<Vec<Asked>> {
        let mut intake = self.intake.0.lock();
        let waiting = intake.get_mut(&self.game).filter(|waiting| !waiting.is_empty());
        let Some(waiting) = waiting else {
            intake.remove(&self.game);
            self.is_over = true;
            return None;
        };
        let count = waiting.len().min(BATCH);
        Some(waiting.drain(..count).collect())
    }

    async fn insert_each(&self, sql: &Sql, tickets: &[Ticket]) -> Vec<Result<bool, SqlError>> {
        let mut written = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            let alone = insert(sql, &self.game, Arc::new(vec![ticket.clone()])).await;
            written.push(alone.map(|one| one == [true]));
        }
        written
    }
}

type Ticket = (TicketRow, Vec<PlayerId>);

/// Writes tickets; whether each was.
async fn insert(sql: &Sql, game: &GameId, tickets: Arc<Vec<Ticket>>) -> Result<Vec<bool>, SqlError> {
    let scope = sql.game(game);
    let written = scope.transaction(move |tx| {
        async move {
            let all: Vec<_> = tickets.iter().map(|(row, players)| (row, players.as_slice())).collect();
            let written = db::insert_tickets(tx, &all).await?;
            Ok::<_, SqlError>(tickets.iter().map(|(row, _)| written.contains(&row.id)).collect())
        }
        .boxed()
    });
    written.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::new_id;
    use aethex_wire::ids::QueueTicketId;
    use aethex_wire::multiplayer::matchmaking::TicketStatus;
    use futures_util::future::join_all;

    fn row() -> TicketRow {
        TicketRow {
            id: QueueTicketId::parse(&new_id()).unwrap(),
            mode: "duel".into(),
            request: "{}".into(),
            status: TicketStatus::Queued,
            match_id: None,
            created_at_ms: 7,
            ended_at_ms: None,
        }
    }

    #[tokio::test]
    async fn of_tickets_that_come_together_each_player_gets_one() {
        let folder = tempfile::tempdir().unwrap();
        let sql = Sql::open_sqlite(folder.path()).unwrap();
        sql.migrate(0).await.unwrap();
        let games = [(); 2].map(|()| GameId::parse(&new_id()).unwrap());
        let players: Vec<PlayerId> = (0..300).map(|_| PlayerId::parse(&new_id()).unwrap()).collect();
        let intake = Arc::new(Intake::default());
        let ask = async |game: &GameId, on_it: &[PlayerId]| {
            let row = row();
            let written = intake.write(&sql, game, &row, on_it).await.unwrap();
            let open = db::open(&sql, game, &on_it[0]).await.unwrap();
            assert!(!written || open == Some(row), "an answer is of what is written");
            written
        };
        // Everyone asks twice at once, in either game: the games do not see each other.
        let all = games.iter().flat_map(|game| players.iter().map(move |player| (game, player)));
        let twice = all.clone().chain(all).map(|(game, player)| ask(game, std::slice::from_ref(player)));
        let written = join_all(twice).await;
        assert_eq!(written.iter().filter(|written| **written).count(), 600);
        assert!(intake.0.lock().is_empty(), "whoever wrote is done");
        // A party of which one waits does not, and is in nobody's way.
        let friends: Vec<PlayerId> = (0..3).map(|_| PlayerId::parse(&new_id()).unwrap()).collect();
        let party = [friends[0].clone(), players[0].clone(), friends[1].clone()];
        let asked = [&party[..], &friends[1..], &friends[..1]].map(|on_it| ask(&games[0], on_it));
        assert_eq!(join_all(asked).await, [false, true, true]);
    }
}
