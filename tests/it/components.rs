//! The components that account tests stand on do what those tests rely on.

use aethex_tests::oidc::{self, Double, Endpoint, Fault, Outage, Provider, json_of, percent, query};
use aethex_tests::process::bounded;
use aethex_tests::secret_service::SecretService;
use aethex_tests::smtp::{self, MailServer, Tls};
use aethex_tests::{Client, wait};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::process::{Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";
/// Any port will do.
const REDIRECT: &str = "http://127.0.0.1:51004/callback";

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test);
}

fn provider() -> Provider {
    let provider = Provider::start();
    let ann = json!({ "sub": "ann-1", "email": "ann@example.com", "email_verified": true, "name": "Ann" });
    provider.set_account(ann);
    provider
}

fn decoded(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (json(), json())
}

#[test]
fn a_login_at_the_provider_needs_pkce_and_spends_its_code() {
    run(async {
        let provider = provider();
        let http = Client::new(provider.issuer());
        let discovered = json_of(&http.get("/.well-known/openid-configuration").send().await);
        assert_eq!(discovered["issuer"], provider.issuer());
        assert_eq!(discovered["token_endpoint"], format!("{}/token", provider.issuer()));
        let client = provider.client();
        let url = provider.authorization_url(&client, REDIRECT, VERIFIER, "n-1");
        let back = provider.browse(&url).await;
        assert!(back.starts_with(&format!("{REDIRECT}?")), "{back}");
        assert_eq!(query(&back, "state").unwrap(), "state-1");
        assert_eq!(query(&back, "iss").unwrap(), provider.issuer());
        let code = query(&back, "code").unwrap();
        let tokens = provider.redeem(&client, &code, REDIRECT, VERIFIER).await;
        let (header, claims) = decoded(json_of(&tokens)["id_token"].as_str().unwrap());
        assert_eq!(header["alg"], "RS256");
        assert_eq!(claims["aud"], client.id.as_str());
        assert_eq!((&claims["sub"], &claims["nonce"]), (&json!("ann-1"), &json!("n-1")));
        assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("ann@example.com"), &json!(true)));
        // A code is good once, and only with its verifier and its redirect.
        provider.redeem(&client, &code, REDIRECT, VERIFIER).await.expect(400);
        for (redirect, verifier) in [
            (REDIRECT, "another-verifier-of-forty-three-characters-"),
            ("http://127.0.0.1:51005/callback", VERIFIER),
        ] {
            let code = query(&provider.browse(&url).await, "code").unwrap();
            provider.redeem(&client, &code, redirect, verifier).await.expect(400);
        }
        let (bare, _) = url.split_once("&code_challenge").unwrap();
        assert_eq!(query(&provider.browse(bare).await, "error").unwrap(), "invalid_request");
        let elsewhere = provider.authorization_url(&client, "http://evil.example/callback", VERIFIER, "n");
        provider.browse_refused(&elsewhere).await.expect(400);
        assert_eq!(query(&provider.browse_and_deny(&url).await, "error").unwrap(), "access_denied");
        assert_eq!(provider.asked("/token"), 4);
    });
}

#[test]
fn the_provider_logs_in_whom_the_test_names_and_knows_other_clients() {
    run(async {
        let provider = provider();
        provider.set_account(json!({ "sub": "bob-2", "email": "bob@example.com", "email_verified": false }));
        let es256 = provider.client_named("aethex-es256");
        let bob = provider.log_in(&es256, "n").await;
        assert_eq!((&bob.claims["sub"], &bob.claims["email_verified"]), (&json!("bob-2"), &json!(false)));
        assert_eq!(decoded(bob.answer["id_token"].as_str().unwrap()).0["alg"], "ES256");
        let other = provider.client_named("other");
        assert_eq!(provider.log_in(&other, "n").await.claims["aud"], "other");
        let client = provider.client();
        let url = provider.authorization_url(&client, REDIRECT, VERIFIER, "n");
        let back = provider.browse_as(&url, "ann-1").await;
        let tokens = provider.redeem(&client, &query(&back, "code").unwrap(), REDIRECT, VERIFIER).await;
        assert_eq!(decoded(json_of(&tokens)["id_token"].as_str().unwrap()).1["sub"], "ann-1");
    });
}

#[test]
fn a_strict_provider_tells_of_the_person_at_userinfo_only() {
    run(async {
        let provider = oidc::Setup::default().redirects(&["http://127.0.0.1/login"]).start();
        provider.set_account(json!({ "sub": "ann-1", "email": "ann@example.com", "email_verified": true }));
        let redirect = "http://127.0.0.1:51004/login";
        let client = provider.client();
        let url = provider.authorization_url(&client, redirect, VERIFIER, "n");
        let code = query(&provider.browse(&url).await, "code").unwrap();
        let answer = json_of(&provider.redeem(&client, &code, redirect, VERIFIER).await.expect(200));
        assert!(decoded(answer["id_token"].as_str().unwrap()).1["email"].is_null());
        let http = Client::new(provider.issuer());
        let person = http.get("/me").bearer(answer["access_token"].as_str().unwrap()).send().await;
        assert_eq!(json_of(&person)["email"], "ann@example.com");
        let unregistered = provider.authorization_url(&client, REDIRECT, VERIFIER, "n");
        provider.browse_refused(&unregistered).await.expect(400);
        let minted = provider.mint(&json!({ "sub": "x" }), &json!({ "typ": "JWT" }));
        assert_eq!(decoded(&minted).1, json!({ "sub": "x" }));
    });
}

#[test]
fn the_providers_endpoints_break_as_told() {
    run(async {
        let provider = provider();
        let http = Client::new(provider.issuer());
        let keys = || http.get("/jwks").send();
        provider.break_endpoint(Endpoint::Jwks, Outage::Fails);
        keys().await.expect(503);
        provider.break_endpoint(Endpoint::Jwks, Outage::Redirects);
        assert!(keys().await.expect(307).header("location").ends_with("/elsewhere"));
        for outage in [Outage::Garbage, Outage::Html] {
            provider.break_endpoint(Endpoint::Jwks, outage);
            let said = keys().await.expect(200);
            assert!(serde_json::from_slice::<Value>(&said.body).is_err(), "{said}");
        }
        provider.break_endpoint(Endpoint::Jwks, Outage::Cuts);
        http.get("/jwks").try_send().await.unwrap_err();
        provider.break_endpoint(Endpoint::Jwks, Outage::Huge);
        let mut endless = TcpStream::connect(provider.issuer().trim_start_matches("http://")).await.unwrap();
        endless.write_all(b"GET /jwks HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut part = vec![0; 4 * 1024 * 1024];
        wait::in_time("a huge answer", endless.read_exact(&mut part)).await.unwrap();
        drop(endless);
        provider.break_endpoint(Endpoint::Jwks, Outage::Hangs);
        let (asked, waiting) = (provider.asked("/jwks"), http.get("/jwks").try_send());
        tokio::select! {
            said = waiting => panic!("an endpoint that hangs said {said:?}"),
            () = wait::until("the request", async || (provider.asked("/jwks") > asked).then_some(())) => {}
        }
        provider.behave();
        assert!(json_of(&keys().await.expect(200))["keys"].is_array());
    });
}

#[test]
fn the_provider_lies_as_told() {
    run(async {
        let provider = provider();
        let (client, http) = (provider.client(), Client::new(provider.issuer()));
        let honest = provider.log_in(&client, "n").await;
        let keys = http.get("/jwks").send().await.body;
        for fault in Fault::ID_TOKEN {
            provider.misbehave(*fault);
            let told = provider.log_in(&client, "n").await;
            let now = told.claims["iat"].as_i64().unwrap_or_default();
            let header = told.answer["id_token"].as_str().map(|token| decoded(token).0).unwrap_or_default();
            let of = |name: &str| &told.claims[name];
            let lied = match fault {
                Fault::WrongNonce => of("nonce").is_string() && of("nonce") != "n",
                Fault::NoNonce => of("nonce").is_null(),
                Fault::OtherAudience => of("aud") == "other",
                Fault::ForeignParty => of("azp") == "other" && of("aud")[0] == client.id.as_str(),
                Fault::NoAudience => of("aud").is_null(),
                Fault::Expired => of("exp").as_i64().unwrap() < honest.claims["iat"].as_i64().unwrap(),
                Fault::NoExpiry => of("exp").is_null(),
                Fault::NotYet => of("nbf").as_i64().unwrap() >= now,
                Fault::WrongIssuer => of("iss") != provider.issuer(),
                Fault::NoSubject => of("sub").is_null(),
                Fault::Unsigned => header["alg"] == "none",
                Fault::ForeignKey => {
                    header["kid"] == decoded(honest.answer["id_token"].as_str().unwrap()).0["kid"]
                }
                Fault::Tampered => of("sub") == "somebody-else",
                Fault::HmacOfPublicKey => header["alg"] == "HS256",
                Fault::NoIdToken => told.answer.get("id_token").is_none(),
                Fault::DiscoveryIssuer | Fault::UserinfoOfAnother => false,
            };
            assert!(lied, "{fault:?}: {told:?}");
            // A lie about the claims is told with the provider's own signature.
            let forged = [Fault::Unsigned, Fault::ForeignKey, Fault::Tampered, Fault::HmacOfPublicKey];
            if let Some(token) = told.answer["id_token"].as_str() {
                assert_eq!(provider.has_signed(token), !forged.contains(fault), "{fault:?}: {token}");
            }
            provider.behave();
        }
        provider.misbehave(Fault::DiscoveryIssuer);
        let discovered = http.get("/.well-known/openid-configuration").send().await;
        assert!(String::from_utf8_lossy(&discovered.body).contains("https://issuer.example"));
        provider.misbehave(Fault::UserinfoOfAnother);
        let access = honest.answer["access_token"].as_str().unwrap();
        let person = http.get("/me").bearer(access).send().await.expect(200);
        assert!(String::from_utf8_lossy(&person.body).contains("somebody-else"));
        provider.behave();
        provider.rotate_keys();
        assert_ne!(http.get("/jwks").send().await.body, keys);
        assert_eq!(provider.log_in(&client, "n").await.claims["sub"], "ann-1");
    });
}

/// What a client of a double sends: the page, then the form.
async fn double_login(provider: &Provider, double: &Double<'_>, scope: &str) -> (String, String) {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let url = format!(
        "{}?client_id={}&redirect_uri={}&scope={}&state=s&code_challenge={challenge}&code_challenge_method=S256\
         &response_type=code",
        double.authorize_url,
        double.client.id,
        percent(REDIRECT),
        percent(scope)
    );
    let back = provider.browse(&url).await;
    assert_eq!(query(&back, "state").unwrap(), "s");
    let code = query(&back, "code").unwrap();
    let form = format!(
        "client_id={}&client_secret={}&code={code}&grant_type=authorization_code&redirect_uri={}&code_verifier={VERIFIER}",
        double.client.id,
        double.client.secret,
        percent(REDIRECT)
    );
    let said = redeem(double, &form).await;
    let again = redeem(double, &form).await;
    (said["access_token"].as_str().unwrap().to_owned(), again["error"].as_str().unwrap().to_owned())
}

async fn redeem(double: &Double<'_>, form: &str) -> Value {
    let http = Client::new("");
    let call = http.post(&double.token_url);
    let call = call.body("application/x-www-form-urlencoded", form.to_owned());
    json_of(&call.header("accept", "application/json").send().await)
}

#[test]
fn the_doubles_of_github_and_discord_answer_as_documented() {
    run(async {
        let (provider, http) = (provider(), Client::new(""));
        let github = provider.github();
        let emails = json!([{ "email": "ann@example.com", "primary": true, "verified": true }]);
        github.set_account(json!({ "id": 583_231, "user": { "login": "ann" }, "emails": emails }));
        let (token, again) = double_login(&provider, &github, "read:user user:email").await;
        assert_eq!(again, "bad_verification_code");
        let ask = |path: &str| http.get(&format!("{}{path}", github.user_url)).bearer(&token);
        let person = json_of(&ask("").header("user-agent", "t").send().await);
        assert_eq!((&person["id"], &person["login"]), (&json!(583_231), &json!("ann")));
        let found = json_of(&ask("/emails").header("user-agent", "t").send().await);
        assert_eq!(found, emails);
        ask("").send().await.expect(403);

        let discord = provider.discord();
        discord.register_redirect(REDIRECT);
        let bob = json!({ "username": "bob", "email": "bob@example.com", "verified": true });
        discord.set_account(json!({ "id": "80351110224678912", "user": bob }));
        let (token, again) = double_login(&provider, &discord, "identify email").await;
        assert_eq!(again, "invalid_grant");
        let person = http.get(&discord.user_url).bearer(&token).send().await.expect(200);
        let person = json_of(&person);
        assert_eq!(person["id"], "80351110224678912");
        assert_eq!((&person["email"], &person["verified"]), (&json!("bob@example.com"), &json!(true)));
        http.get(&discord.user_url).bearer("wrong").send().await.expect(401);
    });
}

/// Sends a mail with Python's own client.
fn mail_client(server: &MailServer, to: &str, login: Option<(&str, &str)>) -> Command {
    const CLIENT: &str = r#"
import email.message, json, smtplib, ssl, sys
setup = json.loads(sys.argv[1])
context = ssl.create_default_context(cafile=setup["authority"])
if setup["tls"] == "Implicit":
    client = smtplib.SMTP_SSL("127.0.0.1", setup["port"], context=context)
else:
    client = smtplib.SMTP("127.0.0.1", setup["port"])
if setup["tls"] == "StartTls":
    client.starttls(context=context)
if setup["login"]:
    client.login(*setup["login"])
mail = email.message.EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "game@example.com", setup["to"], "Grüße"
mail.set_content("Your link: https://example.com/t/1 – bye\n")
mail.add_alternative("<p>Your link</p>", subtype="html")
client.send_message(mail)
client.quit()
"#;
    let setup = json!({
        "authority": server.authority(),
        "port": server.port(),
        "tls": format!("{:?}", server.tls()),
        "login": login,
        "to": to,
    });
    let mut command = Command::new("python3");
    command.args(["-c", CLIENT, &setup.to_string()]).stdin(Stdio::null());
    command
}

/// What went wrong, if anything.
fn send_mail(server: &MailServer, to: &str, login: Option<(&str, &str)>) -> Result<(), String> {
    let ran = mail_client(server, to, login).output().unwrap();
    if ran.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ran.stderr).into_owned()) }
}

#[test]
fn mail_arrives_decoded_over_every_kind_of_connection() {
    run(async {
        for tls in [Tls::None, Tls::StartTls, Tls::Implicit] {
            let server = smtp::Setup::new(tls).login("game", "pass word").start();
            send_mail(&server, "ann@example.com", Some(("game", "pass word"))).unwrap();
            let mail = server.mail_to("ann@example.com").await;
            assert_eq!((mail.tls, mail.login.as_deref()), (tls != Tls::None, Some("game")), "{tls:?}");
            assert_eq!((mail.header("subject"), mail.from.as_str()), ("Grüße", "game@example.com"));
            assert_eq!(mail.word("https://"), "https://example.com/t/1");
            assert_eq!(mail.html.as_deref().map(str::trim), Some("<p>Your link</p>"));
            for wrong in [None, Some(("game", "guess"))] {
                send_mail(&server, "ann@example.com", wrong).unwrap_err();
            }
            assert_eq!(server.mails().len(), 1);
        }
    });
}

#[test]
fn the_mail_server_refuses_as_told_and_proves_who_it_is() {
    run(async {
        let server = smtp::Setup::new(Tls::StartTls).start();
        server.refuse_next(2, "451 4.3.0 later");
        server.refuse_to("gone@example.com", "550 5.1.1 no such mailbox");
        for _ in 0..2 {
            assert!(send_mail(&server, "ann@example.com", None).unwrap_err().contains("451"));
        }
        send_mail(&server, "ann@example.com", None).unwrap();
        assert!(send_mail(&server, "gone@example.com", None).unwrap_err().contains("550"));
        server.accept();
        send_mail(&server, "gone@example.com", None).unwrap();
        assert_eq!(server.arrived(2).await.len(), 2);
        assert_eq!(server.counts(), smtp::Counts { attempts: 5, refused: 3 });
        server.lose_answers(1);
        assert!(send_mail(&server, "ann@example.com", None).unwrap_err().contains("unexpectedly closed"));
        assert_eq!(server.arrived(3).await.len(), 3);
        server.hang();
        let mut waiting = mail_client(&server, "ann@example.com", None).spawn().unwrap();
        wait::until("the mail that hangs", async || (server.counts().attempts == 7).then_some(())).await;
        assert!(waiting.try_wait().unwrap().is_none());
        waiting.kill().unwrap();
        waiting.wait().unwrap();
        let impostor = smtp::Setup::new(Tls::StartTls).certificate_for("mail.example.com").start();
        assert!(
            send_mail(&impostor, "ann@example.com", None).unwrap_err().contains("CERTIFICATE_VERIFY_FAILED")
        );
        assert!(impostor.mails().is_empty());
    });
}

/// What [`keyring_child`] is to do; when this is not set it is not a child and does nothing.
const KEYRING_ORDER: &str = "AETHEX_TEST_KEYRING_ORDER";

/// Not a test by itself: the process that [`a_secret_outlives_its_writer_and_a_lock_hides_it`] starts, for the
/// keyring to use is told by variables of the process.
#[test]
fn keyring_child() {
    use keyring_core::api::CredentialStoreApi;
    let Ok(order) = std::env::var(KEYRING_ORDER) else { return };
    let store = zbus_secret_service_keyring_store::Store::new().unwrap();
    let entry = store.build("aethex-test", "ann", None).unwrap();
    match order.as_str() {
        "store" => entry.set_secret(b"a secret").unwrap(),
        _ => assert_eq!(entry.get_secret().unwrap(), b"a secret"),
    }
}

fn in_child(service: &SecretService, order: &str) -> bool {
    let me = std::env::current_exe().unwrap();
    let ran = bounded(me)
        .args(["--exact", "components::keyring_child"])
        .envs(service.envs())
        .env(KEYRING_ORDER, order)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&ran.stdout).contains("running 1 test"), "{ran:?}");
    ran.status.success()
}

#[test]
fn a_secret_outlives_its_writer_and_a_lock_hides_it() {
    let mut service = SecretService::start();
    assert!(!in_child(&service, "read") && in_child(&service, "store") && in_child(&service, "read"));
    service.lock();
    assert!(!in_child(&service, "read"));
    service.restart();
    assert!(in_child(&service, "read"));
    service.stop();
    assert!(!in_child(&service, "read"));
    service.stop_bus();
    assert!(!in_child(&service, "read"));
    service.restart();
    assert!(in_child(&service, "read"));
}
