//! A relay that is killed and started again on the same data, with players in its rooms.

use super::{Account, Gamer, play, play_out};
use aethex_sdk_core::{Cloud, Config, CredentialStore, Transport, Transports};
use aethex_tests::process::Setup;
use std::path::Path;
use tempfile::TempDir;
use tokio::time::Instant;

/// What is said before each kill, and while nobody listens.
const SAID: u32 = 60;
/// What is said after each return; no more than what was said since the return before may be lost.
const SAID_AFTER: u32 = 10;
/// Kills.
const KILLS: u32 = 3;

fn device(folder: &Path, name: &str, url: &str) -> Cloud {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let mut config = Config::new(&folder);
    config.server_url = url.to_owned();
    config.credentials = CredentialStore::File;
    config.device_name = name.to_owned();
    Cloud::new(config).expect("the SDK starts")
}

/// Whether everyone was told of so many returns.
fn are_back(gamers: &[Gamer], times: u32) -> bool {
    gamers.iter().all(|gamer| gamer.log.rejoined.len() == times as usize)
}

async fn killed_over_and_over(transports: Transports, transport: Transport) {
    let folder = TempDir::with_prefix("aethex-test-").unwrap();
    let setup = Setup::new(&folder.path().join("data"));
    let mut server = setup.start();
    let url = server.url.clone();
    let host = Account::on(device(folder.path(), "host", &url), "host").await.make(33, Instant::now()).await;
    let ann = Account::on(device(folder.path(), "ann", &url), "ann").await.join(&host, transports).await;
    let ben = Account::on(device(folder.path(), "ben", &url), "ben").await.join(&host, transports).await;
    let room = ann.room.id().clone();
    host.end().await;
    assert_eq!((ann.room.transport(), ben.room.transport()), (Some(transport), Some(transport)));
    let mut gamers = [ann, ben];
    for kill in 1..=KILLS {
        let said = gamers.each_ref().map(|gamer| gamer.said + SAID);
        play(&mut gamers, "what is said before the kill", |gamers| {
            for (gamer, said) in gamers.iter_mut().zip(said) {
                gamer.say_up_to(said);
                gamer.show_in_time();
            }
            gamers.iter().zip(said).all(|(gamer, said)| gamer.said == said)
        })
        .await;
        server.kill();
        // Nobody is there to take this.
        for gamer in &mut gamers {
            gamer.say_up_to(gamer.said + SAID);
        }
        server = setup.clone().listen(&url).start();
        play(&mut gamers, "both to be back in the room", |gamers| {
            gamers.iter_mut().for_each(Gamer::show_in_time);
            are_back(gamers, kill)
        })
        .await;
        // Of what may be lost the SDK has told; all that is said from now on comes.
        for at in [0, 1] {
            let told = *gamers[at].log.rejoined.last().unwrap();
            let most = 2 * SAID + SAID_AFTER;
            assert!((SAID..=most).contains(&(told as u32)), "{told}");
        }
        play_out_since(&mut gamers).await;
        assert!(gamers.iter().all(|gamer| *gamer.room.id() == room), "the room is the same");
    }
    for gamer in gamers {
        gamer.end().await;
    }
    assert!(server.stop().success());
}

/// Says more, and waits until that and the newest states came to everyone.
async fn play_out_since(gamers: &mut [Gamer]) {
    for gamer in &mut *gamers {
        gamer.say_up_to(gamer.said + SAID_AFTER);
        gamer.show_in_time();
    }
    play_out(gamers).await;
}

fn run(transports: Transports, transport: Transport) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(killed_over_and_over(transports, transport));
}

#[test]
fn a_killed_relay_is_joined_anew_by_quic() {
    run(Transports::Any, Transport::Quic);
}

#[test]
fn a_killed_relay_is_joined_anew_by_websocket() {
    run(Transports::WebSocket, Transport::WebSocket);
}
