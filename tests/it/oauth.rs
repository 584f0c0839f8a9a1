//! Logins with providers, against a real OpenID provider, and doubles of GitHub and Discord.

use aethex_tests::app::{self, Config};
use aethex_tests::oidc::{self, Double, Endpoint, Fault, Outage, Provider, Setup, query};
use aethex_tests::{App, Engine, Player, Reply, until};
use aethex_wire::auth::identities::Identities;
use aethex_wire::auth::oauth::{OauthRequest, OauthStart, Providers};
use aethex_wire::auth::{LoggedIn, User};
use aethex_wire::{CLIENT_KEY_HEADER, ErrorCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{Connection, Executor, PgConnection};

const REDIRECT: &str = "http://127.0.0.1:51004/callback";
const STATE: &str = "a-state-of-at-least-forty-three-characters.";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";
const IDENTITIES: &str = "/api/v1/auth/identities";

/// Tests with a provider of their own, on both databases.
macro_rules! with_a_provider {
    ($($(#[$about:meta])* async fn $name:ident($app:ident, $provider:ident = $start:expr) $body:block)+) => {$(
        $(#[$about])*
        mod $name {
            use super::*;

            async fn test($app: &App, $provider: &Provider) $body

            #[test]
            fn on_sqlite() {
                let provider = $start;
                app::run(Engine::Sqlite, |config| set_up(config, &provider), async |app| test(app, &provider).await);
            }

            #[test]
            fn on_postgres() {
                let provider = $start;
                app::run(Engine::Postgres, |config| set_up(config, &provider), async |app| test(app, &provider).await);
            }
        }
    )+};
}

/// The provider as Google, and under other names.
fn set_up(config: &mut Config, provider: &Provider) {
    let oauth = &mut config.auth.oauth;
    // Tests that wait for something ask often.
    oauth.attempts_per_address = 1_000_000;
    oauth.redirect_uris = vec!["https://play.example.com/done".into()];
    oauth.google.client_id = provider.client_id();
    oauth.google.client_secret = provider.client_secret();
    oauth.google.issuer = provider.issuer().into();
    let post = provider.client_named("aethex-post");
    oauth.oidc = oauth.google.clone();
    oauth.oidc.client_id = post.id;
    oauth.oidc.client_secret = post.secret;
    // The provider offers both ways, and takes from a client only the one that it is registered with.
    oauth.oidc.client_auth = toml::Value::from("post").try_into().unwrap();
    for (plain, double) in [(&mut oauth.github, provider.github()), (&mut oauth.discord, provider.discord())]
    {
        let Double { client, authorize_url, token_url, user_url, .. } = &double;
        double.register_redirect(REDIRECT);
        (plain.client_id, plain.client_secret) = (client.id.clone(), client.secret.clone());
        (plain.authorize_url, plain.token_url) = (authorize_url.clone(), token_url.clone());
        plain.user_url = user_url.clone();
    }
}

fn provider() -> Provider {
    with_ann(Provider::start())
}

fn with_ann(provider: Provider) -> Provider {
    provider.set_account(ann());
    provider
}

fn ann() -> Value {
    json!({ "sub": "ann-1", "email": "ann@example.com", "email_verified": true, "name": "Ann Lee" })
}

fn path(provider: &str) -> String {
    format!("/api/v1/auth/oauth/{provider}")
}

fn starting() -> Value {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    json!({ "redirect_uri": REDIRECT, "state": STATE, "code_challenge": challenge })
}

async fn try_start(app: &App, name: &str) -> Reply {
    app.post(&format!("{}/start", path(name))).json(&starting()).send().await
}

async fn start(app: &App, name: &str) -> OauthStart {
    try_start(app, name).await.expect(200).json()
}

/// The redirect's parameters, as a game sends them on.
fn completing(start: &OauthStart, back: &str) -> OauthRequest {
    assert!(back.starts_with(&format!("{REDIRECT}?")), "{back}");
    OauthRequest {
        flow: start.flow.clone(),
        code: query(back, "code").unwrap_or_else(|| panic!("no code in {back}")),
        state: query(back, "state").unwrap(),
        code_verifier: VERIFIER.into(),
        iss: query(back, "iss"),
        device_name: Some("laptop".into()),
        locale: None,
        proof: None,
    }
}

/// A flow up to the point where the game has the code.
async fn came_back(app: &App, provider: &Provider, name: &str) -> OauthRequest {
    let start = start(app, name).await;
    let back = provider.browse(&start.authorization_url).await;
    completing(&start, &back)
}

async fn complete(app: &App, name: &str, request: &OauthRequest) -> Reply {
    app.post(&path(name)).json(request).send().await
}

async fn log_in(app: &App, provider: &Provider, name: &str) -> Player {
    let request = came_back(app, provider, name).await;
    let logged_in: LoggedIn = complete(app, name, &request).await.expect(200).json();
    Player::new(app.client().clone(), name, logged_in)
}

async fn link(player: &Player, name: &str, request: &OauthRequest) -> Reply {
    player.call(Method::POST, &format!("{IDENTITIES}/{name}")).json(request).send().await
}

async fn identities(player: &Player) -> Vec<(String, String)> {
    let found: Identities = player.get(IDENTITIES).send().await.expect(200).json();
    found.items.into_iter().map(|identity| (identity.provider, identity.label)).collect()
}

with_a_provider! {
    async fn the_first_login_makes_the_account_and_the_next_finds_it(app, provider = provider()) {
        let providers: Providers = app.get("/api/v1/auth/oauth").send().await.expect(200).json();
        assert_eq!(providers.items, ["google", "github", "discord", "oidc"]);
        let begun = start(app, "google").await;
        let url = begun.authorization_url.as_str();
        assert!(url.starts_with(&format!("{}/auth?", provider.issuer())), "{url}");
        for (name, value) in [
            ("response_type", "code"), ("client_id", "aethex"), ("redirect_uri", REDIRECT), ("state", STATE),
            ("scope", "openid email profile"), ("code_challenge_method", "S256"),
        ] {
            assert_eq!(query(url, name).unwrap(), value, "{url}");
        }
        assert!(query(url, "nonce").unwrap().len() >= 43 && !url.contains(VERIFIER));
        assert_eq!(begun.expires_in, 600);
        let first = log_in(app, provider, "google").await;
        assert_eq!((first.user.email.as_str(), first.user.email_verified), ("ann@example.com", true));
        assert_eq!((first.user.display_name.as_str(), first.user.is_guest), ("Ann Lee", false));
        assert_eq!(identities(&first).await, [("google".to_owned(), "ann@example.com".to_owned())]);
        // The person is known by the subject: the address may change there, and stays here.
        provider.set_account(json!({ "sub": "ann-1", "email": "new@example.com", "email_verified": true }));
        let second = log_in(app, provider, "google").await;
        assert_eq!(second.user, first.user);
        assert_ne!(second.tokens.session_id, first.tokens.session_id);
        provider.set_account(json!({ "sub": "bob-1", "email": "bob@example.com", "email_verified": true }));
        assert_ne!(log_in(app, provider, "google").await.id(), first.id());
        // The same person at another provider, which takes the secret in the form.
        provider.set_account(json!({ "sub": "bob-1" }));
        let elsewhere = log_in(app, provider, "oidc").await;
        assert_eq!((elsewhere.user.email.as_str(), elsewhere.user.email_verified), ("", false));
    }

    async fn a_linked_provider_is_a_way_into_the_account(app, provider = provider()) {
        let ann = app.as_player("ann").await;
        let request = came_back(app, provider, "google").await;
        link(&ann, "google", &request).await.expect(200);
        let user: User = ann.get("/api/v1/auth/profile").send().await.expect(200).json();
        assert_eq!((user.email.as_str(), user.email_verified), ("ann@example.com", true), "the provider knows it");
        assert_eq!(log_in(app, provider, "google").await.id(), ann.id());
        // The same again changes nothing; another person of the provider's is not added.
        link(&ann, "google", &came_back(app, provider, "google").await).await.expect(200);
        provider.set_account(json!({ "sub": "bob-1", "email": "bob@example.com", "email_verified": true }));
        let other = came_back(app, provider, "google").await;
        link(&ann, "google", &other).await.refused(ErrorCode::AlreadyLinked);
        // What belongs to one account is not another's.
        provider.set_account(self::ann());
        let bea = app.as_player("bea").await;
        let request = came_back(app, provider, "google").await;
        link(&bea, "google", &request).await.refused(ErrorCode::IdentityTaken);
        assert_eq!(identities(&bea).await.len(), 1);
        ann.call(Method::DELETE, &format!("{IDENTITIES}/google")).send().await.expect(200);
        let request = came_back(app, provider, "google").await;
        complete(app, "google", &request).await.refused(ErrorCode::AccountExists);
    }

    async fn only_a_verified_address_counts_and_never_opens_an_account(app, provider = provider()) {
        let ann = app.as_player("ann").await;
        // Verified there: the owner is told to log in here first.
        let request = came_back(app, provider, "google").await;
        complete(app, "google", &request).await.refused(ErrorCode::AccountExists);
        // Not verified there: anybody may have typed it in.
        for (sub, verified) in [("eve-1", json!(false)), ("eve-2", json!("false")), ("eve-3", json!(null))] {
            provider.set_account(json!({ "sub": sub, "email": "ann@example.com", "email_verified": verified }));
            let eve = log_in(app, provider, "google").await;
            assert_ne!(eve.id(), ann.id(), "{sub}");
            assert_eq!((eve.user.email.as_str(), eve.user.email_verified), ("", false), "{sub}");
        }
        let bea = app.as_player("bea").await;
        provider.set_account(json!({ "sub": "eve-4", "email": "bea@example.com", "email_verified": false }));
        let user: User = link(&bea, "google", &came_back(app, provider, "google").await).await.expect(200).json();
        assert!(!user.email_verified, "an unverified address verifies nothing");
        provider.set_account(json!({ "sub": "yes-1", "email": "yes@example.com", "email_verified": "true" }));
        assert!(log_in(app, provider, "google").await.user.email_verified, "some providers say it as text");
    }

    async fn no_lie_about_an_identity_is_believed(app, provider = provider()) {
        for fault in Fault::ID_TOKEN {
            let request = came_back(app, provider, "google").await;
            provider.misbehave(*fault);
            let reply = complete(app, "google", &request).await;
            assert_eq!(reply.problem().code, ErrorCode::OauthRefused, "{fault:?}: {reply}");
            provider.behave();
            // The code is spent: the flow is over.
            complete(app, "google", &request).await.refused(ErrorCode::OauthRefused);
        }
        let ann = app.as_player("someone").await;
        provider.misbehave(Fault::WrongNonce);
        link(&ann, "google", &came_back(app, provider, "google").await).await.refused(ErrorCode::OauthRefused);
        provider.behave();
        assert_eq!(identities(&ann).await.len(), 1);
        log_in(app, provider, "google").await;
    }

    async fn what_does_not_belong_together_is_refused(app, provider = provider()) {
        let good = came_back(app, provider, "google").await;
        let changed = |change: &dyn Fn(&mut OauthRequest)| {
            let mut request = good.clone();
            change(&mut request);
            request
        };
        let other = came_back(app, provider, "google").await;
        for (what, wrong) in [
            ("state", changed(&|request| request.state = "b-state-of-at-least-forty-three-characters.".into())),
            ("verifier", changed(&|request| request.code_verifier = VERIFIER.to_uppercase())),
            ("issuer", changed(&|request| request.iss = Some("https://issuer.example".into()))),
            ("no issuer", changed(&|request| request.iss = None)),
            ("tampered", changed(&|request| request.flow = request.flow.replacen('.', ".A", 1))),
            ("no flow", changed(&|request| request.flow = "of1.e30.AAAA".into())),
        ] {
            let reply = complete(app, "google", &wrong).await;
            assert_eq!(reply.problem().code, ErrorCode::OauthRefused, "{what}: {reply}");
        }
        complete(app, "oidc", &good).await.refused(ErrorCode::OauthRefused);
        complete(app, "github", &good).await.refused(ErrorCode::OauthRefused);
        assert_eq!(provider.asked("/token"), 0, "none of that reached the provider");
        // The flow is still good, once; a code is good once, under any flow.
        complete(app, "google", &good).await.expect(200);
        complete(app, "google", &good).await.refused(ErrorCode::OauthRefused);
        assert_eq!(provider.asked("/token"), 1, "a flow that was used is not tried");
        let replayed = OauthRequest { code: good.code.clone(), ..other };
        complete(app, "google", &replayed).await.refused(ErrorCode::OauthRefused);
        // The player was sent elsewhere than the flow says.
        let begun = start(app, "google").await;
        let elsewhere = REDIRECT.replace("51004", "51005");
        let url = begun.authorization_url.replace(&oidc::percent(REDIRECT), &oidc::percent(&elsewhere));
        assert_ne!(url, begun.authorization_url);
        let back = provider.browse(&url).await.replace("51005", "51004");
        complete(app, "google", &completing(&begun, &back)).await.refused(ErrorCode::OauthRefused);
    }

    async fn an_outage_before_the_code_is_spent_can_be_waited_out(app, provider = provider()) {
        provider.break_endpoint(Endpoint::Discovery, Outage::Fails);
        try_start(app, "google").await.refused(ErrorCode::ProviderUnavailable);
        provider.behave();
        provider.misbehave(Fault::DiscoveryIssuer);
        until("the failure to be forgotten", async || {
            (try_start(app, "google").await.problem().code == ErrorCode::OauthRefused).then_some(())
        }).await;
        provider.behave();
        until("the provider to be asked again", async || (try_start(app, "google").await.status == 200).then_some(())).await;
        let request = came_back(app, provider, "google").await;
        provider.break_endpoint(Endpoint::Jwks, Outage::Html);
        complete(app, "google", &request).await.refused(ErrorCode::ProviderUnavailable);
        provider.behave();
        until("the keys to be asked for again", async || {
            (complete(app, "google", &request).await.status == 200).then_some(())
        }).await;
        for outage in [Outage::Fails, Outage::Cuts, Outage::Redirects] {
            let request = came_back(app, provider, "google").await;
            provider.break_endpoint(Endpoint::Token, outage);
            let reply = complete(app, "google", &request).await;
            assert_eq!(reply.problem().code, ErrorCode::ProviderUnavailable, "{outage:?}: {reply}");
            provider.behave();
            complete(app, "google", &request).await.expect(200);
        }
    }

    async fn an_answer_that_makes_no_sense_ends_the_flow(app, provider = provider()) {
        log_in(app, provider, "google").await;
        for outage in [Outage::Huge, Outage::Garbage, Outage::Html] {
            let request = came_back(app, provider, "google").await;
            provider.break_endpoint(Endpoint::Token, outage);
            let reply = complete(app, "google", &request).await;
            assert_eq!(reply.problem().code, ErrorCode::OauthRefused, "{outage:?}: {reply}");
            provider.behave();
            complete(app, "google", &request).await.refused(ErrorCode::OauthRefused);
        }
    }

    async fn a_provider_may_change_its_keys(app, provider = provider()) {
        let ann = log_in(app, provider, "google").await;
        provider.rotate_keys();
        assert_eq!(log_in(app, provider, "google").await.id(), ann.id());
    }

    async fn what_the_id_token_leaves_out_is_asked_for(app, provider = with_ann(Setup::default().start())) {
        let request = came_back(app, provider, "google").await;
        provider.misbehave(Fault::UserinfoOfAnother);
        complete(app, "google", &request).await.refused(ErrorCode::OauthRefused);
        provider.behave();
        let request = came_back(app, provider, "google").await;
        provider.break_endpoint(Endpoint::Userinfo, Outage::Fails);
        complete(app, "google", &request).await.refused(ErrorCode::OauthRefused);
        provider.behave();
        let ann = log_in(app, provider, "google").await;
        assert_eq!((ann.user.email.as_str(), ann.user.email_verified), ("ann@example.com", true));
        assert_eq!(ann.user.display_name, "Ann Lee");
    }

    async fn github_and_discord_are_ways_in_too(app, provider = provider()) {
        let email = |email: &str, primary: bool, verified: bool| {
            json!({ "email": email, "primary": primary, "verified": verified, "visibility": null })
        };
        let github = provider.github();
        let emails = json!([email("old@example.com", false, true), email("cat@example.com", true, true)]);
        github.set_account(json!({ "id": 7, "user": { "login": "octocat", "name": "The Cat" }, "emails": emails }));
        let cat = log_in(app, provider, "github").await;
        assert_eq!((cat.user.email.as_str(), cat.user.email_verified), ("cat@example.com", true));
        assert_eq!(cat.user.display_name, "The Cat");
        assert_eq!(log_in(app, provider, "github").await.id(), cat.id());
        let emails = json!([email("other@example.com", false, true), email("dog@example.com", true, false)]);
        github.set_account(json!({ "id": 8, "user": { "login": "dog" }, "emails": emails }));
        let dog = log_in(app, provider, "github").await;
        assert_eq!((dog.user.email.as_str(), dog.user.display_name.as_str()), ("", "dog"));
        assert_eq!(identities(&dog).await, [("github".to_owned(), "dog".to_owned())]);

        let discord = provider.discord();
        let user = json!({ "username": "nelly", "global_name": "Nelly", "email": "nelly@example.com", "verified": true });
        discord.set_account(json!({ "id": "80351110224678912", "user": user }));
        let nelly = log_in(app, provider, "discord").await;
        assert_eq!((nelly.user.email.as_str(), nelly.user.email_verified), ("nelly@example.com", true));
        let user = json!({ "username": "eve", "global_name": null, "email": "cat@example.com", "verified": false });
        discord.set_account(json!({ "id": "80351110224678913", "user": user }));
        let eve = log_in(app, provider, "discord").await;
        assert_eq!((eve.user.email.as_str(), eve.user.display_name.as_str()), ("", "eve"));
        // A code counts once with them as well.
        let request = came_back(app, provider, "github").await;
        complete(app, "github", &request).await.expect(200);
        let mut replayed = came_back(app, provider, "github").await;
        replayed.code = request.code;
        complete(app, "github", &replayed).await.refused(ErrorCode::OauthRefused);
    }

    async fn what_is_not_a_start_is_refused(app, provider = provider()) {
        let try_start = async |change: Value| {
            let mut body = starting();
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            app.post("/api/v1/auth/oauth/google/start").json(&body).send().await
        };
        try_start(json!({ "redirect_uri": "https://play.example.com/done" })).await.expect(200);
        for wrong in [
            json!({ "redirect_uri": "https://evil.example/" }),
            json!({ "redirect_uri": "https://play.example.com/done/" }),
            json!({ "redirect_uri": "http://localhost:51004/callback" }),
            json!({ "redirect_uri": "http://127.0.0.1:51004@evil.example/" }),
            json!({ "state": "short" }),
            json!({ "code_challenge": "short" }),
            json!({ "client_id": "other" }),
        ] {
            try_start(wrong).await.refused(ErrorCode::InvalidRequest);
        }
        for unknown in ["facebook", "GOOGLE", "password", "%20"] {
            app.post(&format!("{}/start", path(unknown))).json(&starting()).send().await
                .refused(ErrorCode::UnknownProvider);
        }
        let request = came_back(app, provider, "google").await;
        complete(app, "facebook", &request).await.refused(ErrorCode::UnknownProvider);
        app.post(&format!("{IDENTITIES}/google")).json(&request).send().await.refused(ErrorCode::Unauthenticated);
        let request = OauthRequest { device_name: Some("x".repeat(500)), ..request };
        complete(app, "google", &request).await.refused(ErrorCode::InvalidRequest);
        assert_eq!(provider.asked("/token"), 0);
    }
}

#[test]
fn an_address_has_its_share_of_attempts() {
    let provider = provider();
    let configure = |config: &mut Config| {
        set_up(config, &provider);
        config.auth.oauth.attempts_per_address = 3;
        config.auth.oauth.attempt_per_address_s = 1000;
    };
    app::run(Engine::Sqlite, configure, async |app| {
        let request = came_back(app, &provider, "google").await;
        start(app, "google").await;
        start(app, "google").await;
        try_start(app, "google").await.refused(ErrorCode::RateLimited);
        let wrong =
            OauthRequest { state: "b-state-of-at-least-forty-three-characters.".into(), ..request.clone() };
        for _ in 0..3 {
            complete(app, "google", &wrong).await.refused(ErrorCode::OauthRefused);
        }
        complete(app, "google", &request).await.refused(ErrorCode::RateLimited);
        let neighbour = app.client_from(7);
        neighbour.post(&path("google")).json(&request).send().await.expect(200);
    });
}

#[test]
fn a_provider_that_hangs_is_given_up() {
    let provider = provider();
    app::run(
        Engine::Sqlite,
        |config| set_up(config, &provider),
        async |app| {
            let request = came_back(app, &provider, "google").await;
            provider.break_endpoint(Endpoint::Token, Outage::Hangs);
            complete(app, "google", &request).await.refused(ErrorCode::ProviderUnavailable);
            provider.behave();
            complete(app, "google", &request).await.expect(200);
        },
    );
}

#[test]
fn an_id_token_may_be_signed_on_a_curve() {
    let provider = provider();
    let configure = |config: &mut Config| {
        set_up(config, &provider);
        let client = provider.client_named("aethex-es256");
        (config.auth.oauth.google.client_id, config.auth.oauth.google.client_secret) =
            (client.id, client.secret);
    };
    app::run(Engine::Sqlite, configure, async |app| {
        assert_eq!(log_in(app, &provider, "google").await.user.email, "ann@example.com");
        let request = came_back(app, &provider, "google").await;
        provider.misbehave(Fault::ForeignKey);
        complete(app, "google", &request).await.refused(ErrorCode::OauthRefused);
    });
}

#[test]
fn a_server_without_providers_has_none() {
    app::run(
        Engine::Sqlite,
        |_| {},
        async |app| {
            let providers: Providers = app.get("/api/v1/auth/oauth").send().await.expect(200).json();
            assert!(providers.items.is_empty());
            try_start(app, "google").await.refused(ErrorCode::UnknownProvider);
        },
    );
}

/// Another game on the same server; returns its client key.
async fn other_game(app: &App) -> String {
    const GAME: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";
    let key = format!("pk_{}", "a".repeat(32));
    let mut conn = PgConnection::connect(&app.config.database.url).await.unwrap();
    conn.execute("SELECT set_config('aethex.game', '*', false)").await.unwrap();
    let game = "INSERT INTO auth_game (game_id, name, is_default, created_at_ms) VALUES ($1, 'other', 0, 0)";
    sqlx::query(game).bind(GAME).execute(&mut conn).await.unwrap();
    let client = "INSERT INTO auth_client_key (client_key, game_id, created_at_ms) VALUES ($1, $2, 0)";
    sqlx::query(client).bind(&key).bind(GAME).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    key
}

#[test]
fn a_flow_of_one_game_is_no_flow_of_another() {
    let provider = provider();
    app::run(
        Engine::Postgres,
        |config| set_up(config, &provider),
        async |app| {
            let key = other_game(app).await;
            let post = |path: &str| app.post(path).header(CLIENT_KEY_HEADER, &key);
            let request = came_back(app, &provider, "google").await;
            post(&path("google")).json(&request).send().await.refused(ErrorCode::OauthRefused);
            let here: LoggedIn = complete(app, "google", &request).await.expect(200).json();
            // The same person is another player there.
            let start = post("/api/v1/auth/oauth/google/start").json(&starting());
            let start: OauthStart = start.send().await.expect(200).json();
            let request = completing(&start, &provider.browse(&start.authorization_url).await);
            let there: LoggedIn = post(&path("google")).json(&request).send().await.expect(200).json();
            assert_ne!(there.user.id, here.user.id);
            assert_eq!(there.user.email, here.user.email);
        },
    );
}
