//! A thread of bots.

use super::Transport;
use super::bot::{Bot, Plan};
use super::link::{self, Link};
use super::quic::{self, QuicLink};
use super::tally::Tally;
use aethex_wire::multiplayer::JoinedRoom;
use quinn::Endpoint;
use std::cell::RefCell;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc, watch};

/// Bots that take their seats at once: fewer than the handshakes that a relay takes without proof of address.
const OPENING_MAX: usize = 32;

/// A room's tickets.
pub(super) struct Room {
    pub(super) number: u32,
    pub(super) rooms: u32,
    pub(super) seats: Vec<JoinedRoom>,
}

/// What a thread is to do.
pub(super) struct Crew {
    pub(super) address: String,
    pub(super) transport: Transport,
    pub(super) plan: Plan,
    pub(super) rooms: Vec<Room>,
}

type Seated = mpsc::UnboundedSender<Result<(), String>>;
type Start = watch::Receiver<Option<Instant>>;

impl Crew {
    pub(super) fn start(
        self,
        seated: Seated,
        start: Start,
    ) -> Result<JoinHandle<Result<Tally, String>>, String> {
        let thread = std::thread::Builder::new().name("bots".to_owned());
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
            tokio::task::LocalSet::new().block_on(&runtime, self.run(seated, start))
        };
        thread.spawn(run).map_err(|error| format!("cannot start a thread: {error}"))
    }

    async fn run(self, seated: Seated, start: Start) -> Result<Tally, String> {
        let tally = Rc::new(RefCell::new(Tally::default()));
        let opening = Rc::new(Semaphore::new(OPENING_MAX));
        let address: Rc<str> = self.address.into();
        let mut bots = tokio::task::JoinSet::new();
        for room in self.rooms {
            let endpoint = match self.transport {
                Transport::Ws => None,
                Transport::Quic => Some(quic::endpoint()?),
            };
            for (seat, joined) in (0..).zip(room.seats) {
                // Neighbours in time are in different rooms, so that a room's states are spread over the period.
                let number = seat * room.rooms + room.number;
                let (plan, tally, endpoint) = (self.plan, tally.clone(), endpoint.clone());
                let (address, opening) = (address.clone(), opening.clone());
                let (seated, start) = (seated.clone(), start.clone());
                bots.spawn_local(async move {
                    let bot = async {
                        let _permit = opening.acquire().await.map_err(|error| error.to_string())?;
                        let link = connect(&address, endpoint.as_ref(), &joined).await?;
                        Bot::join(link, &joined.ticket, number, plan, tally).await
                    };
                    match bot.await {
                        Ok(bot) => {
                            // Who waits for this may have given up.
                            let _ = seated.send(Ok(()));
                            bot.run(start).await
                        }
                        Err(error) => {
                            let _ = seated.send(Err(error.clone()));
                            Err(error)
                        }
                    }
                });
            }
        }
        drop((seated, start));
        while let Some(ended) = bots.join_next().await {
            ended.map_err(|error| error.to_string())??;
        }
        Ok(tally.take())
    }
}

async fn connect(address: &str, endpoint: Option<&Endpoint>, joined: &JoinedRoom) -> Result<Link, String> {
    match endpoint {
        None => Ok(Link::WebSocket(Box::new(link::open(address, &joined.relay.websocket).await?))),
        Some(endpoint) => {
            let quic = joined.relay.quic.as_ref().ok_or("the relay has no QUIC")?;
            Ok(Link::Quic(Box::new(QuicLink::connect(endpoint, address, quic).await?)))
        }
    }
}
