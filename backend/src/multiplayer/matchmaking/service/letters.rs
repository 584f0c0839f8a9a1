//! What servers tell each other about queues, on the bus: who leads a queue takes what concerns it.
//!
//! A letter may be lost. Then the leader finds the ticket when it compares its queue with the database, and who
//! asked goes without an answer.

use super::{Insight, Key, Service};
use crate::app::App;
use crate::multiplayer::matchmaking::rules::Entry;
use crate::ports::bus::{Bus, Subscription, Taken};
use aethex_wire::ids::{GameId, RoomId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tokio::sync::oneshot;

/// The subject of letters to whoever leads a queue.
const SUBJECT: &str = "matchmaking";
/// Questions to others that are open at once; those that were given up are forgotten then.
const QUESTIONS_MAX: usize = 4_096;

/// What is told to whoever leads a queue.
#[derive(Debug, Serialize, Deserialize)]
struct Letter {
    from: String,
    game: GameId,
    mode: String,
    what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Add(Box<Entry>),
    Cancel(String),
    Rules,
    Fill { room: RoomId, at_ms: i64 },
    Ask { ticket: String, number: u64 },
}

/// The answer to who asked.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    number: u64,
    insight: Insight,
}

/// What came in the post.
pub(super) enum Post {
    Letter(Taken),
    Answer(Taken),
    /// The bus is gone.
    Nothing,
}

/// Letters of this server.
pub(super) struct Letters {
    bus: Bus,
    node: String,
    to_leaders: Subscription,
    answers: Subscription,
    questions: HashMap<u64, oneshot::Sender<Insight>>,
    last: u64,
}

fn answers_to(node: &str) -> String {
    format!("{SUBJECT}.{node}")
}

impl Letters {
    pub(super) fn new(app: &App) -> Letters {
        let (bus, node) = (app.multiplayer.bus.clone(), app.multiplayer.node.clone());
        Letters {
            to_leaders: bus.subscribe(SUBJECT),
            answers: bus.subscribe(&answers_to(&node)),
            questions: HashMap::new(),
            last: 0,
            bus,
            node,
        }
    }

    /// The next one. Giving up waiting for it loses none.
    pub(super) async fn take(&mut self) -> Post {
        tokio::select! {
            Some(taken) = self.to_leaders.take() => Post::Letter(taken),
            Some(taken) = self.answers.take() => Post::Answer(taken),
            else => {
                std::future::pending::<()>().await;
                Post::Nothing
            }
        }
    }

    fn send(&self, (game, mode): Key, what: What) {
        let letter = Letter { from: self.node.clone(), game, mode, what };
        if let Ok(json) = serde_json::to_vec(&letter) {
            self.bus.publish(SUBJECT, json.into());
        }
    }

    pub(super) fn add(&self, key: Key, entry: Box<Entry>) {
        self.send(key, What::Add(entry));
    }

    pub(super) fn cancel(&self, key: Key, ticket: String) {
        self.send(key, What::Cancel(ticket));
    }

    pub(super) fn rules(&self, key: Key) {
        self.send(key, What::Rules);
    }

    pub(super) fn fill(&self, key: Key, room: RoomId, at_ms: i64) {
        self.send(key, What::Fill { room, at_ms });
    }

    pub(super) fn ask(&mut self, key: Key, ticket: String, reply: oneshot::Sender<Insight>) {
        if self.questions.len() >= QUESTIONS_MAX {
            self.questions.retain(|_, reply| !reply.is_closed());
        }
        if self.questions.len() < QUESTIONS_MAX {
            self.last += 1;
            self.questions.insert(self.last, reply);
            self.send(key, What::Ask { ticket, number: self.last });
        }
    }
}

impl Service {
    /// Takes what came in the post.
    pub(super) async fn read(&mut self, post: Post) {
        match post {
            Post::Letter(Taken::Message(message)) => match serde_json::from_slice::<Letter>(&message) {
                Ok(letter) => self.follow(letter).await,
                Err(error) => tracing::warn!(%error, "another server told of a queue what is unknown"),
            },
            Post::Letter(Taken::Lost(lost)) => {
                tracing::warn!(lost, "what other servers told of queues came too fast");
                self.compare_all().await;
            }
            Post::Answer(Taken::Message(message)) => {
                if let Ok(Answer { number, insight }) = serde_json::from_slice(&message)
                    && let Some(reply) = self.letters.questions.remove(&number)
                {
                    let _ = reply.send(insight);
                }
            }
            Post::Answer(Taken::Lost(_)) | Post::Nothing => {}
        }
    }

    async fn follow(&mut self, letter: Letter) {
        let Letter { from, game, mode, what } = letter;
        if from == self.letters.node {
            return;
        }
        let key = (game, mode);
        match what {
            What::Rules => self.reload(&key).await,
            _ if !self.modes.contains_key(&key) => {}
            What::Add(entry) => self.add(&key, *entry).await,
            What::Cancel(ticket) => {
                if let Some(queue) = self.modes.get_mut(&key) {
                    queue.remove(&ticket);
                }
            }
            What::Fill { room, at_ms } => self.look_later(key, room, at_ms),
            What::Ask { ticket, number } => {
                let answer = Answer { number, insight: self.insight(&key, &ticket) };
                if let Ok(json) = serde_json::to_vec(&answer) {
                    self.letters.bus.publish(&answers_to(&from), json.into());
                }
            }
        }
    }
}
