//! The studio's side: people, organisations, projects, keys, support, the audit log, the command line.

mod cli;
mod keys;
mod orgs;
mod people;
mod support;

use crate::mailbox::mails_to;
use aethex_tests::client::Call;
use aethex_tests::process::bounded;
use aethex_tests::{App, Client};
use aethex_wire::studio::people::{Accepted, StudioLoggedIn};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use std::io::Write;
use std::process::Stdio;

/// A password that is none of the common ones.
pub(crate) const PASSWORD: &str = "correct horse of the studio";

/// One of the studio's people, logged in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    client: Client,
    pub(crate) token: String,
    pub(crate) id: String,
}

impl Person {
    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        self.client.request(method, &format!("/api/v1/studio{path}")).bearer(&self.token)
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::PUT, path).json(body)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }
}

/// Runs the program on this server's data, as an operator would beside the running server.
pub(crate) fn run(app: &App, args: &[&str], stdin: &str) -> Result<Value, String> {
    let mut child = bounded(aethex_tests::process::binary())
        .args(args)
        .args(["--json", "--data"])
        .arg(app.data())
        .env("AETHEX_DATABASE_URL", &app.config.database.url)
        .env("AETHEX_AUTH_ARGON2_MEMORY_KIB", "64")
        .env("AETHEX_AUTH_ARGON2_PASSES", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the backend's binary runs");
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).expect("the program prints JSON")),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

pub(crate) fn login<'c>(client: &'c Client, email: &str, password: &str, code: Option<&str>) -> Call<'c> {
    let mut body = json!({ "email": email, "password": password });
    if let Some(code) = code {
        body["code"] = code.into();
    }
    client.post("/api/v1/studio/auth/login").json(&body)
}

/// An organisation with its owner, logged in.
pub(crate) async fn with_owner(app: &App, name: &str) -> (String, Person) {
    let email = format!("owner@{}.example", name.to_lowercase());
    let args = ["org", "create", name, "--owner", &email, "--password-stdin"];
    let made = run(app, &args, &format!("{PASSWORD}\n")).unwrap();
    let client = app.studio();
    let logged_in: StudioLoggedIn = login(&client, &email, PASSWORD, None).send().await.expect(200).json();
    let owner =
        Person { client, token: logged_in.session.token, id: logged_in.person.id.as_str().to_owned() };
    (made["id"].as_str().unwrap().to_owned(), owner)
}

/// The code of the newest invitation mailed to this address.
pub(crate) async fn invitation_code(app: &App, email: &str, count: usize) -> String {
    let mails = mails_to(app, email, count).await;
    let words = mails.last().unwrap().text.split_whitespace();
    let is_code = |word: &&str| word.len() == 32 && word.split('-').count() == 7;
    words.into_iter().find(is_code).expect("the mail has a code").to_owned()
}

pub(crate) fn accept<'c>(client: &'c Client, code: &str) -> Call<'c> {
    let body = json!({ "code": code, "password": PASSWORD });
    client.post("/api/v1/studio/invitations/accept").json(&body)
}

/// A new person with this role, by invitation.
pub(crate) async fn with_role(app: &App, org: &str, by: &Person, name: &str, role: &str) -> Person {
    let email = format!("{name}@people.example");
    let body = json!({ "email": email, "role": role });
    by.post(&format!("/orgs/{org}/invitations"), &body).send().await.expect(201);
    let code = invitation_code(app, &email, 1).await;
    let client = app.studio();
    let accepted: Accepted = accept(&client, &code).send().await.expect(201).json();
    let token = accepted.session.expect("a new person has a session").token;
    Person { client, token, id: accepted.person.id.as_str().to_owned() }
}

/// A project; its id and its games, `dev` and `live`.
pub(crate) async fn with_project(org: &str, by: &Person, name: &str) -> (String, [String; 2]) {
    let made = by.post(&format!("/orgs/{org}/projects"), &json!({ "name": name })).send().await.expect(201);
    let made: Value = made.json();
    let games = ["dev", "live"].map(|kind| {
        let all = made["environments"].as_array().unwrap();
        let found = all.iter().find(|environment| environment["kind"] == kind).unwrap();
        found["game_id"].as_str().unwrap().to_owned()
    });
    (made["id"].as_str().unwrap().to_owned(), games)
}

/// An authenticator's code for a base32 secret (RFC 6238), so many steps from now.
pub(crate) fn totp(secret: &str, from_now: i64) -> String {
    let (mut bits, mut len, mut bytes) = (0_u64, 0, Vec::new());
    for letter in secret.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            _ => letter - b'2' + 26,
        };
        (bits, len) = (bits << 5 | u64::from(value), len + 5);
        if len >= 8 {
            len -= 8;
            bytes.push((bits >> len) as u8);
        }
    }
    let step = aethex_backend::app::now_ms() / 30_000 + from_now;
    let mut mac = Hmac::<Sha1>::new_from_slice(&bytes).unwrap();
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
