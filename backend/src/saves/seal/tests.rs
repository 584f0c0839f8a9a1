use super::*;
use crate::context::new_id;
use crate::ports::kms::Wrapped;
use futures_util::FutureExt;

struct Bench {
    _folder: tempfile::TempDir,
    config: Config,
    sql: Sql,
    game: GameId,
    ann: PlayerId,
}

impl Bench {
    async fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let sql = Sql::open_sqlite(folder.path()).unwrap();
        sql.migrate(now_ms()).await.unwrap();
        let (game, ann) = (GameId::parse(&new_id()).unwrap(), player());
        Bench { _folder: folder, config, sql, game, ann }
    }

    async fn open(&self) -> Seal {
        Seal::open(&self.config, &self.sql).await.unwrap()
    }

    async fn refused(&self) -> String {
        Seal::open(&self.config, &self.sql).await.unwrap_err().0
    }

    async fn key_of(&self, seal: &Seal, player: &PlayerId) -> PlayerKey {
        seal.key_of(&self.sql, &self.game, player).await.unwrap().unwrap()
    }

    async fn move_keys(&self, from: &PlayerId, to: &PlayerId) {
        let (from, to) = (from.clone(), to.clone());
        let sql = self.sql.game(&self.game);
        let moved = sql.transaction(move |tx| async move { adopt(tx, &from, &to).await }.boxed());
        moved.await.unwrap();
    }

    async fn shred(&self, player: &PlayerId) -> u64 {
        let player = player.clone();
        let sql = self.sql.game(&self.game);
        let gone = sql.transaction(move |tx| async move { shred(tx, &player).await }.boxed());
        gone.await.unwrap()
    }
}

fn player() -> PlayerId {
    PlayerId::parse(&new_id()).unwrap()
}

#[tokio::test]
async fn a_player_has_one_key_whoever_makes_it() {
    let bench = Bench::new().await;
    let seals = [bench.open().await, bench.open().await];
    let firsts = (0..32).map(|at| bench.key_of(&seals[at % 2], &bench.ann));
    let keys = futures_util::future::join_all(firsts).await;
    assert!(keys.iter().all(|key| key.id() == keys[0].id()), "{keys:?}");
    assert_eq!(db::count(&bench.sql, &bench.game, &bench.ann).await.unwrap().0, 1);
    let sealed = keys[0].seal("v", b"plain").unwrap();
    assert_eq!(sealed.len(), 5 + rules::SEALED_OVERHEAD);
    for key in &keys {
        assert_eq!(key.open("v", &sealed).unwrap(), b"plain".as_slice());
    }
    let bob = bench.key_of(&seals[0], &player()).await;
    assert!(bob.open("v", &sealed).is_err());
    assert!(keys[0].open("w", &sealed).is_err());
}

#[tokio::test]
async fn a_key_is_bound_to_its_game_and_its_id() {
    let bench = Bench::new().await;
    let seal = bench.open().await;
    let key = bench.key_of(&seal, &bench.ann).await;
    let kept = db::by_id(&bench.sql, &bench.game, key.id()).await.unwrap().unwrap();
    let other = GameId::parse(&new_id()).unwrap();
    assert!(seal.key(&bench.sql, &other, key.id()).await.is_err(), "not of this game");
    // The row as it stands, put into another game, or under another id.
    let moved = Kept { key_id: "moved".into(), wrapped: kept.wrapped.clone() };
    db::insert(&bench.sql, &bench.game, &bench.ann, &moved, 0).await.unwrap();
    db::insert(&bench.sql, &other, &bench.ann, &kept, 0).await.unwrap();
    assert!(seal.key(&bench.sql, &bench.game, "moved").await.is_err());
    assert!(seal.key(&bench.sql, &other, key.id()).await.is_err());
    assert!(bench.open().await.key(&bench.sql, &bench.game, key.id()).await.is_ok());
}

#[tokio::test]
async fn a_warm_player_costs_no_statement() {
    let bench = Bench::new().await;
    let seal = bench.open().await;
    let key = bench.key_of(&seal, &bench.ann).await;
    bench.sql.close().await;
    assert_eq!(bench.key_of(&seal, &bench.ann).await.id(), key.id());
    assert!(seal.key(&bench.sql, &bench.game, key.id()).await.is_ok());
    seal.sweep();
    assert_eq!((seal.writing.len(), seal.reading.len()), (1, 1), "its time is not over");
}

#[tokio::test]
async fn what_is_over_is_forgotten() {
    let bench = Bench::new().await;
    let seal = bench.open().await;
    let key = bench.key_of(&seal, &bench.ann).await;
    let over = Remembered { key, until_ms: now_ms() };
    seal.writing.insert((bench.game.clone(), bench.ann.clone()), over.clone());
    seal.reading.insert((bench.game.clone(), over.key.id().to_owned()), over.clone());
    assert_eq!(bench.shred(&bench.ann).await, 1);
    let gone = seal.key(&bench.sql, &bench.game, over.key.id()).await;
    assert!(gone.unwrap_err().to_string().contains("is gone"));
    seal.sweep();
    assert_eq!((seal.writing.len(), seal.reading.len()), (0, 0));
}

#[tokio::test]
async fn a_new_key_seals_and_the_old_one_opens() {
    let bench = Bench::new().await;
    let seal = bench.open().await;
    let first = bench.key_of(&seal, &bench.ann).await;
    let second = seal.renew(&bench.sql, &bench.game, &bench.ann).await.unwrap();
    let third = seal.renew(&bench.sql, &bench.game, &bench.ann).await.unwrap();
    assert!(first.id() != second && second != third);
    assert_eq!(bench.key_of(&seal, &bench.ann).await.id(), third);
    let sealed = first.seal("v", b"old").unwrap();
    let again = bench.open().await.key(&bench.sql, &bench.game, first.id()).await.unwrap();
    assert_eq!(again.open("v", &sealed).unwrap(), b"old".as_slice());
}

#[tokio::test]
async fn keys_move_with_a_merge_of_accounts() {
    let bench = Bench::new().await;
    let seal = bench.open().await;
    let (guest, ann) = (player(), &bench.ann);
    let theirs = bench.key_of(&seal, &guest).await;
    let mine = bench.key_of(&seal, ann).await;
    bench.move_keys(&guest, ann).await;
    seal.forget(&bench.game, &guest);
    seal.forget(&bench.game, ann);
    for key in [&theirs, &mine] {
        assert!(bench.open().await.key(&bench.sql, &bench.game, key.id()).await.is_ok());
    }
    assert_eq!(db::count(&bench.sql, &bench.game, ann).await.unwrap().0, 2);
    // The next key is one of its own.
    let renewed = seal.renew(&bench.sql, &bench.game, ann).await.unwrap();
    assert_eq!(bench.key_of(&seal, ann).await.id(), renewed);
    assert_eq!(bench.shred(ann).await, 3);
}

#[tokio::test]
async fn a_lost_encryption_key_is_named_and_none_is_made() {
    let bench = Bench::new().await;
    let seal = bench.open().await;
    bench.key_of(&seal, &bench.ann).await;
    bench.key_of(&seal, &player()).await;
    let folder = bench.config.data.join("keys");
    let file = folder.join("encryption-0000000000000.key");
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let why = bench.refused().await;
    for part in [
        "keys folder misses",
        &seal.kms.current().await.unwrap_or_default(),
        "2 players' keys",
        "encryption-0000000000000.key",
    ] {
        assert!(why.contains(part), "{why}");
    }
    assert!(!file.exists(), "none was made");
    assert!(state(&bench.config, &bench.sql).await.unwrap_err().contains("misses"));
    std::fs::write(&file, crate::auth::hex(&[7; 32])).unwrap();
    assert!(bench.refused().await.contains("misses"), "another key is not the lost one");
    std::fs::write(&file, kept).unwrap();
    bench.open().await;
    assert!(state(&bench.config, &bench.sql).await.unwrap().contains("keys folder"));
}

#[tokio::test]
async fn an_encryption_key_that_opens_nothing_is_not_used() {
    let bench = Bench::new().await;
    let seal = bench.open().await;
    let mut kept = Vec::new();
    for _ in 0..TRIED {
        let key = bench.key_of(&seal, &player()).await;
        kept.push(db::by_id(&bench.sql, &bench.game, key.id()).await.unwrap().unwrap());
    }
    let spoiled = kept.into_iter().map(|kept| {
        let Kept { key_id, wrapped: Wrapped { kek_id, mut bytes } } = kept;
        bytes[30] ^= 1;
        let before = kek_id.clone();
        db::Rewrapped { game: bench.game.to_string(), key_id, before, wrapped: Wrapped { kek_id, bytes } }
    });
    let mut spoiled: Vec<_> = spoiled.collect();
    let last = spoiled.pop();
    assert_eq!(db::replace(&bench.sql, spoiled).await.unwrap(), TRIED as u64 - 1);
    bench.open().await;
    db::replace(&bench.sql, last.into_iter().collect()).await.unwrap();
    let why = bench.refused().await;
    assert!(why.contains("does not open the keys of 3 players"), "{why}");
}

#[tokio::test]
async fn without_encryption_nothing_is_made_and_the_old_stays_readable() {
    let mut bench = Bench::new().await;
    bench.config.saves.encryption.enabled = false;
    let off = bench.open().await;
    assert!(off.key_of(&bench.sql, &bench.game, &bench.ann).await.unwrap().is_none());
    assert!(!bench.config.data.join("keys").exists());
    assert!(state(&bench.config, &bench.sql).await.unwrap().starts_with("off"));
    bench.config.saves.encryption.enabled = true;
    let key = bench.key_of(&bench.open().await, &bench.ann).await;
    bench.config.saves.encryption.enabled = false;
    let off = bench.open().await;
    assert!(off.key_of(&bench.sql, &bench.game, &bench.ann).await.unwrap().is_none());
    assert!(off.key(&bench.sql, &bench.game, key.id()).await.is_ok());
    assert!(state(&bench.config, &bench.sql).await.unwrap().contains("off for new saves"));
}

#[tokio::test]
async fn keys_are_wrapped_anew_and_then_old_ones_can_go() {
    let bench = Bench::new().await;
    let app =
        crate::Server::app_for_tests(Config { listen: "127.0.0.1:0".into(), ..bench.config.clone() }).await;
    let sealed: Vec<_> = {
        let mut sealed = Vec::new();
        for _ in 0..450 {
            let player = player();
            let key = app.seal.key_of(&app.sql, &bench.game, &player).await.unwrap().unwrap();
            sealed.push((key.id().to_owned(), key.seal("v", b"plain").unwrap()));
        }
        sealed
    };
    let first = app.seal.kms.current().await.unwrap();
    let said = rotate_encryption_key(&app.config).await.unwrap();
    let second = app.seal.kms.current().await.unwrap();
    assert!(said.contains(&second) && first != second, "{said}");
    let pruned = terminal::prune(&app.seal.kms, &app.sql, now_ms() + 1000).await.unwrap();
    assert!(pruned.contains(&format!("kept {first}: it wraps 450")), "{pruned}");
    rewrap::rewrap_everything(&app).await.unwrap();
    assert_eq!(db::keks(&app.sql).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(db::wrapped_by(&app.sql, &second).await.unwrap(), 450);
    assert!(
        prune_encryption_keys(&app.config).await.unwrap().contains("no encryption key"),
        "not within the hour"
    );
    let pruned = terminal::prune(&app.seal.kms, &app.sql, now_ms() + 1000).await.unwrap();
    assert_eq!(pruned, format!("removed {first}"));
    let fresh = Seal::open(&app.config, &app.sql).await.unwrap();
    for (key_id, sealed) in sealed {
        let key = fresh.key(&app.sql, &bench.game, &key_id).await.unwrap();
        assert_eq!(key.open("v", &sealed).unwrap(), b"plain".as_slice());
    }
}

#[tokio::test]
async fn keys_do_not_show_and_derive_apart() {
    let bench = Bench::new().await;
    let seal = bench.open().await;
    let key = bench.key_of(&seal, &bench.ann).await;
    assert_eq!(format!("{key:?}"), format!("PlayerKey(\"{}\")", key.id()));
    let (one, two) = (key.derive("upload 1"), key.derive("upload 2"));
    assert!(one != two && one == key.derive("upload 1"));
    assert!(one != bench.key_of(&seal, &player()).await.derive("upload 1"));
    let shown = format!("{seal:?}");
    for secret in [&*one, &*key.0.sealing, &*key.0.deriving] {
        assert!(!shown.contains(&format!("{secret:?}")) && !shown.contains(&crate::auth::hex(secret)));
    }
}
