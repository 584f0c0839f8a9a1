//! Logins: in the browser, with a proof of work, not remembered, and with a new password.

use crate::backend::{Backend, player_of};
use crate::{EMAIL, PASSWORD, config, event, files_of, login, open, until};
use aethex_sdk_core::wire::ErrorCode;
use aethex_sdk_core::wire::proof::ChallengeKind;
use aethex_sdk_core::{
    Browser, Cloud, Config, CredentialStore, Error, Event, LoginOptions, OauthOptions, OpenBrowser,
    RegisterOptions, User,
};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

/// The page that a login wants shown.
struct Page {
    address: String,
    state: String,
}

impl Page {
    fn of(url: &str) -> Page {
        let (_, query) = url.split_once('?').unwrap();
        let (redirect, state) = query.split_once("&state=").unwrap();
        let address = redirect.strip_prefix("redirect_uri=http://").unwrap();
        Page { address: address.strip_suffix("/callback").unwrap().to_owned(), state: state.to_owned() }
    }

    /// What the browser shows for a request; nothing when nobody listens.
    fn ask(&self, line: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        write!(stream, "{line} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn come_back(&self, query: &str) -> String {
        self.ask(&format!("GET /callback?state={}&{query}", self.state)).unwrap()
    }
}

/// Begins a login with a provider; its page and its end come over channels.
fn begin(
    cloud: &Cloud,
    provider: &str,
    options: OauthOptions,
) -> (mpsc::Receiver<Page>, mpsc::Receiver<Result<User, Error>>, aethex_sdk_core::OpId) {
    let ((show, shown), (end, ended)) = (mpsc::channel(), mpsc::channel());
    let open_browser = OpenBrowser::new(move |url| {
        show.send(Page::of(url)).unwrap();
        Ok(())
    });
    let options = OauthOptions { open_browser: Some(open_browser), ..options };
    let op = cloud.submit(cloud.auth().login_oauth(provider, options), move |result| {
        end.send(result).unwrap();
    });
    (shown, ended, op)
}

fn ended(cloud: &Cloud, ended: &mpsc::Receiver<Result<User, Error>>) -> Result<User, Error> {
    let mut result = None;
    let take = std::cell::RefCell::new(&mut result);
    until(|| {
        cloud.tick();
        let mut take = take.borrow_mut();
        **take = ended.try_recv().ok();
        take.is_some()
    });
    result.unwrap()
}

#[test]
fn a_login_in_the_browser_hears_its_own_answer_only() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let (shown, end, _) = begin(&cloud, "google", OauthOptions::default());
    let page = shown.recv().unwrap();
    let (state, wrong) = (&page.state, "x".repeat(43));
    for foreign in [
        "GET /".to_owned(),
        "GET /favicon.ico".to_owned(),
        format!("POST /callback?code=a&state={state}"),
        "GET /callback?code=evil".to_owned(),
        format!("GET /callback?code=evil&state={wrong}"),
        format!("GET /callback?error=access_denied&state={wrong}"),
        format!("GET /callback?code={}&state={state}", "x".repeat(40_000)),
    ] {
        let answer = page.ask(&foreign);
        let refused = answer.as_ref().is_none_or(|answer| answer.is_empty() || answer.contains(" 404 "));
        assert!(refused, "{foreign:.60}: {answer:?}");
    }
    assert_eq!(backend.count("POST /api/v1/auth/oauth/google"), 1, "nothing but the start was sent");
    // Someone who connects and says nothing holds nobody up.
    let _silent = TcpStream::connect(&page.address).unwrap();
    let answer = page.come_back(&format!("code={EMAIL}"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("return to the game"), "{answer}");
    assert!(answer.contains("content-security-policy: default-src 'none'"));
    assert!(!answer.contains("<script") && !answer.contains("://"), "nothing from elsewhere");
    assert_eq!(ended(&cloud, &end).unwrap().id, player_of(EMAIL));
    assert!(page.ask("GET /").is_none(), "the port is closed");
    assert!(cloud.auth().is_logged_in());
}

#[test]
fn refusals_time_and_cancelling_end_a_login_in_the_browser() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    for (query, code) in [
        ("error=access_denied", ErrorCode::Cancelled),
        ("error=server_error", ErrorCode::OauthRefused),
        ("code=", ErrorCode::OauthRefused),
    ] {
        let (shown, end, _) = begin(&cloud, "google", OauthOptions::default());
        assert!(shown.recv().unwrap().come_back(query).contains("was not completed"));
        assert_eq!(ended(&cloud, &end).unwrap_err().code, code, "{query}");
    }
    let short = OauthOptions { timeout: Duration::from_millis(20), ..OauthOptions::default() };
    let (shown, end, _) = begin(&cloud, "google", short);
    assert_eq!(ended(&cloud, &end).unwrap_err().code, ErrorCode::Browser);
    assert!(shown.recv().unwrap().ask("GET /").is_none());
    // A cancelled one closes its port; a second one takes the place of the first.
    let (shown, end, op) = begin(&cloud, "google", OauthOptions::default());
    let page = shown.recv().unwrap();
    assert!(cloud.cancel(op));
    assert_eq!(ended(&cloud, &end).unwrap_err().code, ErrorCode::Cancelled);
    until(|| page.ask("GET /").is_none());
    let (first_shown, first_end, _) = begin(&cloud, "google", OauthOptions::default());
    first_shown.recv().unwrap();
    let (shown, end, _) = begin(&cloud, "google", OauthOptions::default());
    let page = shown.recv().unwrap();
    assert_eq!(ended(&cloud, &first_end).unwrap_err().code, ErrorCode::Cancelled);
    page.come_back(&format!("code={EMAIL}"));
    ended(&cloud, &end).unwrap();
    let (_, end, _) = begin(&cloud, "nobody", OauthOptions::default());
    assert_eq!(ended(&cloud, &end).unwrap_err().code, ErrorCode::UnknownProvider);
    let failing = OpenBrowser::new(|_| Err(Error::new(ErrorCode::Browser, "no screen")));
    let options = OauthOptions { open_browser: Some(failing), ..OauthOptions::default() };
    let error = cloud.block_on(cloud.auth().login_oauth("google", options)).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::Browser, "no screen"));
    assert!(cloud.auth().is_logged_in(), "a login that failed changes nothing");
}

#[test]
fn the_game_opens_the_browser_when_it_wants_to() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = Cloud::new(Config { browser: Browser::Game, ..config(&backend, dir.path()) }).unwrap();
    assert_eq!(cloud.block_on(cloud.auth().providers()).unwrap(), ["google"]);
    cloud.block_on(cloud.auth().login_guest()).unwrap();
    let (tell, told) = mpsc::channel();
    cloud.submit(cloud.auth().link_oauth("google", OauthOptions::default()), move |linked| {
        tell.send(linked).unwrap();
    });
    let Event::OpenBrowser { url } = event(&cloud, |event| matches!(event, Event::OpenBrowser { .. })) else {
        unreachable!()
    };
    Page::of(&url).come_back("code=x");
    assert!(!ended(&cloud, &told).unwrap().is_guest);
    assert!(!cloud.auth().current_user().unwrap().is_guest, "the offline copy knows");
}

#[test]
fn a_proof_is_found_unseen() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    backend.state().accounts.challenge = Some((ChallengeKind::Argon2id, 5));
    cloud.block_on(cloud.auth().register(EMAIL, PASSWORD, None)).unwrap();
    assert_eq!(backend.count("register"), 2, "once without, once with the proof");
    assert!(cloud.block_on(cloud.auth().login_guest()).unwrap().is_guest);
    cloud.block_on(cloud.auth().login_guest()).unwrap();
    assert_eq!(backend.count("guest"), 3, "a guest that is known proves nothing");
    // Too much work to be found in time, given up with the call.
    backend.state().accounts.challenge = Some((ChallengeKind::Argon2id, 16));
    let (tell, told) = mpsc::channel();
    let op = cloud.submit(cloud.auth().register("bob@example.com", PASSWORD, None), move |result| {
        tell.send(result).unwrap();
    });
    until(|| backend.count("register") == 3);
    assert!(cloud.cancel(op));
    assert_eq!(ended(&cloud, &told).unwrap_err().code, ErrorCode::Cancelled);
    // A CAPTCHA is the game's to answer.
    backend.state().accounts.challenge = Some((ChallengeKind::Turnstile, 0));
    let register = |token: Option<&str>| {
        let options = RegisterOptions { proof_token: token.map(str::to_owned), ..RegisterOptions::default() };
        cloud.block_on(cloud.auth().register_with("cem@example.com", PASSWORD, options))
    };
    let error = register(None).unwrap_err();
    assert_eq!(error.code, ErrorCode::ProofRequired);
    assert_eq!(error.challenge.unwrap().site_key, "site");
    assert_eq!(register(Some("bad token")).unwrap_err().code, ErrorCode::InvalidProof);
    register(Some("good token")).unwrap();
}

#[test]
fn a_session_that_is_not_remembered_leaves_nothing() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let forgetful = || LoginOptions { remember: false, ..LoginOptions::default() };
    let cloud = open(&backend, dir.path());
    cloud.block_on(cloud.auth().login_with(EMAIL, PASSWORD, forgetful())).unwrap();
    backend.expire_access();
    cloud.block_on(cloud.auth().profile()).unwrap();
    assert_eq!(backend.count("refresh"), 1, "it lives as any other");
    assert!(files_of(dir.path()).is_empty(), "{:?}", files_of(dir.path()));
    cloud.block_on(cloud.auth().logout()).unwrap();
    until(|| backend.state().ended_sessions.len() == 1);
    cloud.block_on(cloud.auth().login_with(EMAIL, PASSWORD, forgetful())).unwrap();
    drop(cloud);
    let cloud = open(&backend, dir.path());
    assert_eq!(cloud.auth().current_user(), None);
    // It takes the place of one that is remembered, which does not come back.
    login(&cloud, EMAIL);
    cloud.block_on(cloud.auth().login_with("bob@example.com", PASSWORD, forgetful())).unwrap();
    until(|| backend.state().ended_sessions.len() == 2);
    drop(cloud);
    assert_eq!(open(&backend, dir.path()).auth().current_user(), None);
}

#[test]
fn a_new_password_changes_the_session_and_nothing_else() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    let other = open(&backend, dir.path());
    assert!(other.auth().is_logged_in());
    let change = |old: &str| cloud.block_on(cloud.auth().change_password(Some(old), "another password"));
    assert_eq!(change("wrong password").unwrap_err().code, ErrorCode::InvalidCredentials);
    cloud.block_on(cloud.auth().profile()).unwrap();
    cloud.take_events();
    change(PASSWORD).unwrap();
    cloud.block_on(cloud.auth().profile()).unwrap();
    assert_eq!(backend.count("refresh"), 0, "the new tokens are used at once");
    assert!(cloud.take_events().is_empty(), "the player noticed nothing");
    // The other process finds the new session where the old one was.
    other.block_on(other.auth().profile()).unwrap();
    drop(cloud);
    let cloud = open(&backend, dir.path());
    backend.expire_access();
    cloud.block_on(cloud.auth().profile()).unwrap();
    cloud.block_on(cloud.auth().logout()).unwrap();
    drop(cloud);
    assert_eq!(open(&backend, dir.path()).auth().current_user(), None);
}

#[test]
fn a_new_password_with_its_answer_lost_asks_for_a_login() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    backend.state().faults.lost_answers.insert("password/change", 1);
    let error = cloud.block_on(cloud.auth().change_password(Some(PASSWORD), "another password")).unwrap_err();
    assert_eq!(error.code, ErrorCode::Offline);
    assert_eq!(backend.state().accounts.passwords_changed, 1, "it is not repeated blindly");
    assert_eq!(cloud.block_on(cloud.auth().profile()).unwrap_err().code, ErrorCode::SessionEnded);
    event(&cloud, |event| matches!(event, Event::SessionExpired));
}

#[test]
fn memory_only_keeps_nothing_of_a_guest() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let config = Config { credentials: CredentialStore::Memory, ..config(&backend, dir.path()) };
    let cloud = Cloud::new(config).unwrap();
    let guest = cloud.block_on(cloud.auth().login_guest()).unwrap();
    cloud.block_on(cloud.auth().logout()).unwrap();
    assert_eq!(cloud.block_on(cloud.auth().login_guest()).unwrap().id, guest.id);
    assert!(files_of(dir.path()).is_empty());
}
