//! People: invitation, login, second factor, sessions.

use super::{PASSWORD, Person, accept, invitation_code, login, totp, with_owner, with_role};
use aethex_tests::{App, Engine, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::studio::people::{Accepted, RecoveryCodes, StudioLoggedIn, TotpSecret};
use serde_json::{Value, json};

/// Sets a second factor up; its secret and recovery codes. Uses the code of the current step.
async fn with_factor(person: &Person) -> (String, Vec<String>) {
    let started: TotpSecret =
        person.post("/me/totp", &json!({ "password": PASSWORD })).send().await.expect(200).json();
    assert!(
        started.uri.starts_with("otpauth://totp/AeThex%20Cloud:") && started.uri.contains(&started.secret)
    );
    let wrong = json!({ "code": "000000" });
    let code = totp(&started.secret, 0);
    if code != "000000" {
        person.post("/me/totp/confirm", &wrong).send().await.refused(ErrorCode::InvalidSecondFactor);
    }
    let reply = person.post("/me/totp/confirm", &json!({ "code": code })).send().await.expect(200);
    (started.secret, reply.json::<RecoveryCodes>().codes)
}

on_both_engines! {
    async fn from_invitation_to_login_with_a_second_factor(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let ann = with_role(app, &org, &owner, "ann", "developer").await;
        let client = app.studio();
        let (secret, recovery) = with_factor(&ann).await;
        assert_eq!(recovery.len(), 10);
        let email = "ann@people.example";
        login(&client, email, PASSWORD, None).send().await.refused(ErrorCode::SecondFactorRequired);
        // The code that confirmed it counts no second time.
        let used = totp(&secret, 0);
        login(&client, email, PASSWORD, Some(&used)).send().await.refused(ErrorCode::InvalidSecondFactor);
        let next = totp(&secret, 1);
        let logged_in: StudioLoggedIn =
            login(&client, email, PASSWORD, Some(&next)).send().await.expect(200).json();
        assert!(logged_in.person.second_factor);
        login(&client, email, PASSWORD, Some(&next)).send().await.refused(ErrorCode::InvalidSecondFactor);
        // A recovery code stands in, once.
        let code = recovery[3].to_uppercase().replace('-', " ");
        let reply = login(&client, email, PASSWORD, Some(&code)).send().await.expect(200);
        assert_eq!(reply.json::<StudioLoggedIn>().person.recovery_codes_left, 9);
        login(&client, email, PASSWORD, Some(&code)).send().await.refused(ErrorCode::InvalidSecondFactor);
        // Without the right password a code is not looked at.
        let unused = &recovery[0];
        login(&client, email, "wrong horse of ann", Some(unused)).send().await.refused(ErrorCode::InvalidCredentials);
        login(&client, email, PASSWORD, Some(unused)).send().await.expect(200);
        // It takes the password and a code to give it up.
        let body = json!({ "password": PASSWORD });
        ann.post("/me/totp/remove", &body).send().await.refused(ErrorCode::SecondFactorRequired);
        let body = json!({ "password": PASSWORD, "code": recovery[1] });
        ann.post("/me/totp/remove", &body).send().await.expect(204);
        login(&client, email, PASSWORD, None).send().await.expect(200);
    }

    async fn an_organisation_can_ask_for_the_second_factor(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let bob = with_role(app, &org, &owner, "bob", "admin").await;
        let (path, change) = (format!("/orgs/{org}"), json!({ "require_second_factor": true }));
        owner.put(&path, &change).send().await.refused(ErrorCode::SecondFactorRequired);
        with_factor(&owner).await;
        owner.put(&path, &change).send().await.expect(200);
        bob.get(&path).send().await.refused(ErrorCode::SecondFactorRequired);
        bob.get(&format!("{path}/members")).send().await.refused(ErrorCode::SecondFactorRequired);
        bob.get(&format!("{path}/audit")).send().await.refused(ErrorCode::SecondFactorRequired);
        with_factor(&bob).await;
        bob.get(&path).send().await.expect(200);
    }

    async fn an_invitation_is_good_once_and_for_whom_it_is_meant(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let client = app.studio();
        let path = format!("/orgs/{org}/invitations");
        let body = json!({ "email": "cat@people.example", "role": "analyst" });
        let invited = owner.post(&path, &body).send().await.expect(201);
        let code = invitation_code(app, "cat@people.example", 1).await;
        assert!(!String::from_utf8_lossy(&invited.body).contains(&code), "only the mail has the code");
        let weak = json!({ "code": code, "password": "password1" });
        client.post("/api/v1/studio/invitations/accept").json(&weak).send().await.refused(ErrorCode::WeakPassword);
        let accepted: Accepted = accept(&client, &code.to_uppercase()).send().await.expect(201).json();
        assert_eq!(accepted.person.email, "cat@people.example");
        for wrong in [code.as_str(), "", "aaaa-aaaa", &"a".repeat(500)] {
            accept(&client, wrong).send().await.refused(ErrorCode::InvalidCode);
        }
        // Who is here already accepts with their token, and nobody else can.
        let (other, boss) = with_owner(app, "Other").await;
        let body = json!({ "email": "CAT@people.example", "role": "support" });
        boss.post(&format!("/orgs/{other}/invitations"), &body).send().await.expect(201);
        let code = invitation_code(app, "cat@people.example", 2).await;
        accept(&client, &code).send().await.refused(ErrorCode::Unauthenticated);
        let only_code = json!({ "code": code });
        boss.post("/invitations/accept", &only_code).send().await.refused(ErrorCode::Unauthenticated);
        let cat = Person { client: app.studio(), token: accepted.session.unwrap().token, id: String::new() };
        cat.post("/invitations/accept", &only_code).send().await.expect(201);
        let orgs: Value = cat.get("/orgs").send().await.expect(200).json();
        let roles: Vec<&str> =
            orgs["items"].as_array().unwrap().iter().map(|org| org["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["analyst", "support"]);
        // One that was taken back is over.
        let body = json!({ "email": "dan@people.example", "role": "member" });
        let invited: Value = owner.post(&path, &body).send().await.expect(201).json();
        let code = invitation_code(app, "dan@people.example", 1).await;
        owner.delete(&format!("{path}/{}", invited["id"].as_str().unwrap())).send().await.expect(204);
        accept(&client, &code).send().await.refused(ErrorCode::InvalidCode);
    }

    async fn sessions_end_at_logout_by_list_and_at_a_password_change(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (_, owner) = with_owner(app, "Studio").await;
        let client = app.studio();
        let mut others = Vec::new();
        for _ in 0..3 {
            let reply = login(&client, "owner@studio.example", PASSWORD, None).send().await.expect(200);
            let session = reply.json::<StudioLoggedIn>().session;
            let other = Person { client: app.studio(), token: session.token, id: session.session_id.as_str().into() };
            others.push(other);
        }
        others[0].post("/auth/logout", &json!({})).send().await.expect(204);
        others[0].get("/me").send().await.refused(ErrorCode::Unauthenticated);
        let listed: Value = owner.get("/me/sessions").send().await.expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 3);
        owner.delete(&format!("/me/sessions/{}", others[1].id)).send().await.expect(204);
        others[1].get("/me").send().await.refused(ErrorCode::Unauthenticated);
        let body = json!({ "password": "wrong horse of ann", "new_password": "another horse of ann" });
        owner.put("/me/password", &body).send().await.refused(ErrorCode::InvalidCredentials);
        others[2].get("/me").send().await.expect(200);
        let body = json!({ "password": PASSWORD, "new_password": "another horse of ann" });
        owner.put("/me/password", &body).send().await.expect(204);
        others[2].get("/me").send().await.refused(ErrorCode::Unauthenticated);
        owner.get("/me").send().await.expect(200);
        login(&client, "owner@studio.example", PASSWORD, None).send().await.refused(ErrorCode::InvalidCredentials);
    }

    async fn guessing_is_limited_and_tells_nothing(app, |config| {
        config.studio.listen = "127.0.0.1:0".into();
        config.auth.limits.login_failures_per_account = 3;
        config.auth.limits.login_failure_per_account_s = 3600;
    }) {
        with_owner(app, "Studio").await;
        let url = app.studio();
        let unknown = login(&url, "nobody@studio.example", PASSWORD, None).send().await;
        let known = login(&url, "owner@studio.example", "wrong horse of ann", None).send().await;
        assert_eq!(unknown.without_request_id(), known.without_request_id());
        for _ in 0..2 {
            login(&url, "nobody@studio.example", PASSWORD, None).send().await.refused(ErrorCode::InvalidCredentials);
        }
        login(&url, "nobody@studio.example", PASSWORD, None).send().await.refused(ErrorCode::RateLimited);
        for token in ["", "st_", "st_AAAA", "null"] {
            url.get("/api/v1/studio/me").bearer(token).send().await.refused(ErrorCode::Unauthenticated);
        }
        // A player's token is nobody's here.
        let ann = app.as_player("ann").await;
        url.get("/api/v1/studio/me").bearer(&ann.tokens.access_token).send().await.refused(ErrorCode::Unauthenticated);
    }

    async fn the_studio_is_on_its_own_address_only(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (_, owner) = with_owner(app, "Studio").await;
        let document: Value = app.studio().get("/api/v1/studio/openapi.json").send().await.expect(200).json();
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() > 30, "{}", paths.len());
        for (path, operations) in paths {
            let path = path.split('/').map(|part| match part {
                "{environment}" => "live",
                part if part.starts_with('{') => "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f",
                part => part,
            });
            let path = path.collect::<Vec<_>>().join("/");
            for (method, operation) in operations.as_object().unwrap() {
                let method = http::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let there = app.client().request(method.clone(), &path).bearer(&owner.token).json(&json!({}));
                there.send().await.refused(ErrorCode::NotFound);
                let here = app.studio();
                let reply = here.request(method, &path).json(&json!({})).send().await;
                let is_open = operation["security"].as_array().unwrap().is_empty();
                if !is_open {
                    reply.refused(ErrorCode::Unauthenticated);
                }
            }
        }
        // Nor is what players use served there.
        app.studio().post("/api/v1/auth/login").json(&json!({})).send().await.refused(ErrorCode::NotFound);
    }
}

#[test]
fn the_studio_is_off_by_default() {
    aethex_tests::app::run(
        Engine::Sqlite,
        |config| assert!(config.studio.listen.is_empty()),
        async |app: &App| {
            app.get("/api/v1/studio/openapi.json").send().await.refused(ErrorCode::NotFound);
            app.get("/api/v1/studio/me").send().await.refused(ErrorCode::NotFound);
        },
    );
}
