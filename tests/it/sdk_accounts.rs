//! The SDK's accounts against the real backend: guests and their merge, links, sessions, passwords, proofs.

use crate::mailbox::{code_in, mails_to};
use aethex_sdk_core::wire::auth::LoggedIn;
use aethex_sdk_core::{
    Cloud, Content, Error, ErrorCode, Event, LoginOptions, MergeChoice, SaveOptions, SlotStatus, User, Value,
};
use aethex_tests::app::{Config, password_of};
use aethex_tests::{App, Player, on_both_engines, until};
use std::time::Duration;

/// What a flush may take.
const PATIENCE: Duration = Duration::from_secs(15);

fn text(text: &str) -> Content {
    Content::Value(Value::String(text.to_owned()))
}

fn code<T>(result: Result<T, Error>) -> ErrorCode {
    result.map(drop).expect_err("it is refused").code
}

async fn save(cloud: &Cloud, slot: &str, words: &str) {
    let options = SaveOptions { label: words.to_owned(), playtime_ms: 1000, ..SaveOptions::default() };
    cloud.saves().save(slot, text(words), options).await.unwrap_or_else(|error| panic!("{words}: {error}"));
    cloud.saves().flush(PATIENCE).await.unwrap();
}

async fn load(cloud: &Cloud, slot: &str) -> Content {
    cloud.saves().load(slot).await.unwrap_or_else(|error| panic!("{slot}: {error}")).content
}

async fn log_in_keeping(cloud: &Cloud, player: &Player) -> User {
    let options = LoginOptions { keep_guest: true, ..LoginOptions::default() };
    cloud.auth().login_with(&player.user.email, &password_of(&player.name), options).await.unwrap()
}

async fn witness(app: &App, name: &str) -> Player {
    let reply = app.login(&format!("{name}@example.com"), &password_of(name)).send().await;
    Player::new(app.client().clone(), name, reply.expect(200).json::<LoggedIn>())
}

/// Proofs of work as games meet them, but cheap.
fn priced(config: &mut Config) {
    config.auth.proof = Config::default().auth.proof;
    config.auth.proof.memory_kib = 64;
}

on_both_engines! {
    async fn a_guest_pays_with_work_and_becomes_an_account(app, |config| priced(config)) {
        let folder = app.folder("phone");
        let cloud = app.sdk(&folder);
        let guest = cloud.auth().login_guest().await.unwrap();
        assert!(guest.is_guest);
        save(&cloud, "slot1", "of the guest").await;
        cloud.auth().logout().await.unwrap();
        drop(cloud);
        let cloud = app.sdk(&folder);
        assert_eq!(cloud.auth().login_guest().await.unwrap().id, guest.id, "the same device, the same guest");
        let ways = cloud.auth().identities().await.unwrap();
        assert_eq!(ways.iter().map(|way| way.provider.as_str()).collect::<Vec<_>>(), ["device"]);
        assert_eq!(code(cloud.auth().unlink("device").await), ErrorCode::LastIdentity);
        let linked = cloud.auth().link_email("ann@example.com", &password_of("ann"), None).await.unwrap();
        assert_eq!((linked.id, linked.is_guest), (guest.id.clone(), false));
        // Elsewhere it is the same account, with its saves.
        let desktop = app.sdk(&app.folder("desktop"));
        let ann = desktop.auth().login("ann@example.com", &password_of("ann")).await.unwrap();
        assert_eq!(ann.id, guest.id);
        assert_eq!(load(&desktop, "slot1").await, text("of the guest"));
        // A registration pays as well, and nobody notices.
        desktop.auth().register("bob@example.com", &password_of("bob"), None).await.unwrap();
    }

    async fn a_kept_guest_is_merged(app) {
        let ann = app.as_player("ann").await;
        ann.put_save("both", "of the account").await;
        let cloud = app.sdk(&app.folder("phone"));
        let guest = cloud.auth().login_guest().await.unwrap();
        save(&cloud, "mine", "of the guest").await;
        save(&cloud, "both", "of the guest").await;
        log_in_keeping(&cloud, &ann).await;
        let error = cloud.auth().merge_guest(None).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::MergeConflict);
        let conflict = error.merge.unwrap();
        assert_eq!(conflict.other, guest.id);
        assert_eq!(conflict.slots.iter().map(|slot| slot.slot.as_str()).collect::<Vec<_>>(), ["both"]);
        let merged = cloud.auth().merge_guest(Some(MergeChoice::KeepOther)).await.unwrap();
        assert_eq!(merged.id, ann.user.id);
        assert!(cloud.auth().kept_guest().is_none());
        for slot in ["mine", "both"] {
            assert_eq!(load(&cloud, slot).await, text("of the guest"));
            save(&cloud, slot, "and on").await;
            assert_eq!(cloud.saves().status(slot), SlotStatus::Synced);
        }
        assert_eq!(witness(app, "ann").await.history("both").await.len(), 3, "no version is lost");
        // The device's key opens the account now.
        cloud.auth().logout().await.unwrap();
        assert_eq!(cloud.auth().login_guest().await.unwrap().id, ann.user.id);
    }

    async fn sessions_are_seen_and_ended(app) {
        app.as_player("ann").await;
        let phone = app.sdk(&app.folder("phone"));
        let desktop = app.sdk(&app.folder("desktop"));
        for cloud in [&phone, &desktop] {
            cloud.auth().login("ann@example.com", &password_of("ann")).await.unwrap();
        }
        let page = desktop.auth().sessions(None).await.unwrap();
        assert_eq!(page.items.len(), 3);
        let of = |name: &str| page.items.iter().find(|session| session.device_name == name).unwrap().clone();
        assert!(of("desktop").current && !of("phone").current);
        desktop.auth().end_session(of("phone").id).await.unwrap();
        until("the phone to notice", async || phone.auth().profile().await.is_err().then_some(())).await;
        assert!(!phone.auth().is_logged_in());
        desktop.auth().end_other_sessions().await.unwrap();
        assert_eq!(desktop.auth().sessions(None).await.unwrap().items.len(), 1);
        desktop.auth().end_session(of("desktop").id).await.unwrap();
        assert!(!desktop.auth().is_logged_in(), "ending the own session is a logout");
    }

    async fn a_new_password_ends_the_others(app) {
        app.as_player("ann").await;
        let phone = app.sdk(&app.folder("phone"));
        let desktop = app.sdk(&app.folder("desktop"));
        for cloud in [&phone, &desktop] {
            cloud.auth().login("ann@example.com", &password_of("ann")).await.unwrap();
        }
        let change = |old: &'static str| {
            desktop.auth().change_password(Some(old), "entirely another phrase")
        };
        assert_eq!(code(change("wrong password").await), ErrorCode::InvalidCredentials);
        let old = password_of("ann");
        desktop.auth().change_password(Some(&old), "entirely another phrase").await.unwrap();
        desktop.auth().profile().await.unwrap();
        save(&desktop, "slot1", "still here").await;
        until("the phone's session to end", async || {
            let _ = phone.auth().profile().await;
            phone.take_events().into_iter().find(|event| matches!(event, Event::SessionExpired))
        })
        .await;
        assert_eq!(code(phone.auth().login("ann@example.com", &old).await), ErrorCode::InvalidCredentials);
        phone.auth().login("ann@example.com", "entirely another phrase").await.unwrap();
        assert_eq!(load(&phone, "slot1").await, text("still here"));
    }

    async fn mailed_codes_verify_change_and_reset(app) {
        let cloud = app.sdk(&app.folder("phone"));
        let auth = cloud.auth();
        let ann = auth.register("ann@example.com", &password_of("ann"), None).await.unwrap();
        assert!(!ann.email_verified);
        let first = code_in(&mails_to(app, "ann@example.com", 1).await[0]);
        assert_eq!(code(auth.verify_email("AAAA-AAAA-AAAA-AAAA").await), ErrorCode::InvalidCode);
        assert_eq!(code(auth.verify_email("short").await), ErrorCode::InvalidCode);
        auth.verify_email(&first.to_lowercase().replace('-', " ")).await.unwrap();
        assert!(auth.current_user().unwrap().email_verified, "the offline copy knows at once");
        auth.change_email("anna@example.com", Some(&password_of("ann"))).await.unwrap();
        let change = code_in(&mails_to(app, "anna@example.com", 1).await[0]);
        assert_eq!(auth.profile().await.unwrap().email, "ann@example.com", "not before the code is given");
        auth.verify_email(&change).await.unwrap();
        assert_eq!(auth.current_user().unwrap().email, "anna@example.com");
        auth.forgot_password("nobody@example.com").await.unwrap();
        let before = mails_to(app, "anna@example.com", 1).await.len();
        auth.forgot_password("anna@example.com").await.unwrap();
        let mails = mails_to(app, "anna@example.com", before + 1).await;
        let reset = code_in(mails.last().unwrap());
        assert_eq!(code(auth.reset_password(&reset, "short").await), ErrorCode::WeakPassword);
        auth.reset_password(&reset, "entirely another phrase").await.unwrap();
        assert_eq!(code(auth.profile().await), ErrorCode::SessionEnded);
        auth.login("anna@example.com", "entirely another phrase").await.unwrap();
    }

    async fn two_devices_of_a_guest_are_two_guests(app) {
        let (one, two) = (app.sdk(&app.folder("one")), app.sdk(&app.folder("two")));
        let (first, second) = (one.auth().login_guest().await.unwrap(), two.auth().login_guest().await.unwrap());
        assert_ne!(first.id, second.id);
        let taken = one.auth().link_email("ann@example.com", &password_of("ann"), None).await.unwrap();
        assert_eq!(taken.id, first.id);
        let refused = two.auth().link_email("ann@example.com", &password_of("ann"), None).await;
        assert_eq!(code(refused), ErrorCode::IdentityTaken);
        // What the refusal says: log in there, then merge.
        save(&two, "slot1", "of the second guest").await;
        let options = LoginOptions { keep_guest: true, ..LoginOptions::default() };
        two.auth().login_with("ann@example.com", &password_of("ann"), options).await.unwrap();
        two.auth().merge_guest(None).await.unwrap();
        assert_eq!(load(&one, "slot1").await, text("of the second guest"));
    }
}
