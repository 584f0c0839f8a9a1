//! Forged access tokens.

use aethex_tests::forge::{Forge, attackers_jwk};
use aethex_tests::{App, on_both_engines};
use aethex_wire::ErrorCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const PROFILE: &str = "/api/v1/auth/profile";

async fn refused(app: &App, what: &str, token: &str) {
    let reply = app.get(PROFILE).bearer(token).send().await;
    assert_eq!(reply.status, 401, "{what}: {reply}");
    assert_eq!(reply.header("www-authenticate"), "Bearer", "{what}");
    reply.refused(ErrorCode::Unauthenticated);
}

/// Public keys in the forms that key-confusion attacks use as an HMAC secret.
fn as_secrets(public: &[u8; 32]) -> Vec<Vec<u8>> {
    const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = [&SPKI[..], public].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let x = URL_SAFE_NO_PAD.encode(public);
    vec![public.to_vec(), der, pem.trim_end().as_bytes().to_vec(), pem.into_bytes(), x.into_bytes(), vec![]]
}

on_both_engines! {
    async fn a_token_without_a_genuine_signature_is_refused(app) {
        let ann = app.as_player("ann").await;
        let forge = Forge::new(&ann.tokens.access_token, app.data());
        let (header, claims) = (&forge.header, &forge.claims);
        app.get(PROFILE).bearer(&forge.signed(header, claims)).send().await.expect(200);
        for alg in ["none", "None", "NONE", "nOnE", ""] {
            let header = forge.header(json!({ "alg": alg }));
            refused(app, alg, &forge.unsigned(&header, claims)).await;
            refused(app, alg, &forge.signed(&header, claims)).await;
        }
        for alg in ["HS256", "HS384", "HS512"] {
            let header = forge.header(json!({ "alg": alg }));
            for secret in as_secrets(&forge.public_key()) {
                refused(app, alg, &forge.hmac(&secret, &header, claims)).await;
            }
        }
        for alg in ["RS256", "ES256", "PS256", "EdDSA ", "eddsa"] {
            refused(app, alg, &forge.signed(&forge.header(json!({ "alg": alg })), claims)).await;
        }
        refused(app, "no algorithm", &forge.signed(&forge.header(json!({ "alg": null })), claims)).await;
        refused(app, "another's signature", &forge.signed_by_another(header, claims)).await;
        refused(app, "no signature", &forge.unsigned(header, claims)).await;
        let genuine = &ann.tokens.access_token;
        let (signed, signature) = genuine.rsplit_once('.').unwrap();
        let bobs = app.as_player("bob").await.tokens.access_token;
        let (bobs_signed, _) = bobs.rsplit_once('.').unwrap();
        for (what, token) in [
            ("another token's signature", format!("{bobs_signed}.{signature}")),
            ("cut", genuine[..genuine.len() - 1].to_owned()),
            ("longer", format!("{genuine}A")),
            ("padded", format!("{genuine}==")),
            ("four parts", format!("{genuine}.{signature}")),
            ("signature only", format!("..{signature}")),
            ("two parts", signed.to_owned()),
            ("empty", String::new()),
            ("huge", format!("{signed}.{}", "A".repeat(8000))),
        ] {
            refused(app, what, &token).await;
        }
    }

    async fn a_key_that_the_token_brings_is_not_looked_at(app) {
        let ann = app.as_player("ann").await;
        let forge = Forge::new(&ann.tokens.access_token, app.data());
        let kid = forge.header["kid"].as_str().unwrap();
        // A server of the attacker's: any connection to it is a failure.
        let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", trap.local_addr().unwrap());
        let certificate = STANDARD.encode(b"a certificate");
        let tricks = [
            json!({ "jwk": attackers_jwk(kid) }),
            json!({ "jku": url }),
            json!({ "x5u": url }),
            json!({ "x5c": [certificate] }),
            json!({ "kid": null }),
            json!({ "kid": "" }),
            json!({ "kid": "another", "jwk": attackers_jwk("another") }),
            json!({ "kid": "another", "jku": url }),
            json!({ "kid": "../../../../dev/null" }),
            json!({ "kid": "x' OR '1'='1" }),
            json!({ "kid": "a\u{0}b" }),
            json!({ "kid": 1 }),
            json!({ "kid": [kid] }),
            json!({ "crit": ["exp"] }),
        ];
        for trick in tricks {
            let header = forge.header(trick.clone());
            refused(app, &trick.to_string(), &forge.signed_by_another(&header, &forge.claims)).await;
        }
        for trick in [json!({ "kid": "another" }), json!({ "kid": null }), json!({ "kid": kid.to_uppercase() + "0" })] {
            refused(app, &trick.to_string(), &forge.signed(&forge.header(trick.clone()), &forge.claims)).await;
        }
        let nobody = tokio::time::timeout(std::time::Duration::from_millis(50), trap.accept()).await;
        assert!(nobody.is_err(), "the server fetched a key from the attacker");
    }

    async fn a_genuine_signature_under_wrong_claims_is_refused(app) {
        let ann = app.as_player("ann").await;
        let bob = app.as_player("bob").await;
        let forge = Forge::new(&ann.tokens.access_token, app.data());
        let exp = forge.claims["exp"].as_i64().unwrap();
        let iat = forge.claims["iat"].as_i64().unwrap();
        let other_game = "00000000-0000-7000-8000-000000000000";
        let wrong: Vec<Value> = vec![
            json!({ "aud": other_game }), json!({ "aud": null }), json!({ "aud": "" }), json!({ "aud": "default" }),
            json!({ "iss": "https://evil.example" }), json!({ "iss": null }), json!({ "iss": "" }), json!({ "iss": 1 }),
            json!({ "sub": null }), json!({ "sub": "" }), json!({ "sub": "ann" }), json!({ "sub": 1 }),
            json!({ "sub": ann.id().to_uppercase() }), json!({ "sub": format!("{}\u{0}", ann.id()) }),
            json!({ "sid": null }), json!({ "sid": "" }), json!({ "sid": "x" }),
            json!({ "exp": null }), json!({ "exp": exp.to_string() }), json!({ "exp": "never" }), json!({ "exp": true }),
            json!({ "exp": iat - 1 }), json!({ "exp": 0 }), json!({ "exp": -1 }), json!({ "exp": [exp] }),
            json!({ "nbf": exp }), json!({ "nbf": iat + 600 }),
        ];
        for change in wrong {
            refused(app, &change.to_string(), &forge.signed(&forge.header, &forge.claims(change.clone()))).await;
        }
        for typ in [json!(null), json!("JWT"), json!("id+jwt"), json!("dpop+jwt"), json!("refresh+jwt"), json!("")] {
            let header = forge.header(json!({ "typ": typ }));
            refused(app, &header.to_string(), &forge.signed(&header, &forge.claims)).await;
        }
        // What a token says of its owner counts, never what the request says.
        app.get(PROFILE).bearer(&forge.signed(&forge.header, &forge.claims(json!({ "admin": true })))).send().await.expect(200);
        app.get(&bob.saves_path()).bearer(&ann.tokens.access_token).send().await.refused(ErrorCode::NotFound);
    }

    async fn a_token_counts_in_its_header_only(app) {
        let ann = app.as_player("ann").await;
        let token = &ann.tokens.access_token;
        for name in ["access_token", "token", "authorization", "jwt", "bearer"] {
            let reply = app.get(&format!("{PROFILE}?{name}={token}")).send().await;
            assert_eq!(reply.status, 401, "{reply}");
            app.get(PROFILE).header("cookie", format!("{name}={token}")).send().await.refused(ErrorCode::Unauthenticated);
        }
        for value in [
            token.clone(), format!("Basic {token}"), format!("Token {token}"), format!("Bearer{token}"),
            "Bearer".to_owned(), "Bearer ".to_owned(), format!("Bearer {token} {token}"), format!("Bearer {token},Bearer x"),
        ] {
            app.get(PROFILE).header("authorization", &value).send().await.refused(ErrorCode::Unauthenticated);
        }
        let twice = app.get(PROFILE).bearer(token).bearer("another");
        twice.send().await.refused(ErrorCode::Unauthenticated);
        let body = app.client().post("/api/v1/auth/logout").body("application/x-www-form-urlencoded", format!("access_token={token}"));
        body.send().await.refused_somehow();
        ann.get(PROFILE).send().await.expect(200);
    }
}
