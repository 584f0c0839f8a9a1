//! The command line, with the real binary, beside the running server.

use super::{PASSWORD, accept, login, run, with_owner};
use aethex_tests::on_both_engines;
use aethex_wire::ErrorCode;
use serde_json::{Value, json};

on_both_engines! {
    async fn from_an_organisation_to_a_working_key(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let made = run(app, &["org", "create", "My Studio", "--owner", "ann@studio.example"], "").unwrap();
        let (org, code) = (made["id"].as_str().unwrap(), made["code"].as_str().unwrap());
        let client = app.studio();
        accept(&client, code).send().await.expect(201);
        login(&client, "ann@studio.example", PASSWORD, None).send().await.expect(200);
        let members = run(app, &["org", "members", "my studio"], "").unwrap();
        assert_eq!((members[0]["role"].as_str(), members[0]["email"].as_str()), (Some("owner"), Some("ann@studio.example")));
        let invited = run(app, &["org", "invite", org, "bob@studio.example", "--role", "developer"], "").unwrap();
        accept(&client, invited["code"].as_str().unwrap()).send().await.expect(201);
        // The default game moves into a project, players and all.
        let ann = app.as_player("ann").await;
        let game = run(app, &["game", "create", "Game", "--org", "My Studio", "--adopt-default"], "").unwrap();
        let live = &game["environments"].as_array().unwrap()[1];
        assert_eq!(live["client_key"], app.client_key());
        let again = run(app, &["game", "create", "Game 2", "--org", "My Studio", "--adopt-default"], "").unwrap_err();
        assert!(again.contains("belongs to a project already"), "{again}");
        let args = ["key", "create", "--game", "My Studio/Game/live", "--kind", "server", "--name", "ci",
            "--scope", "players:read", "--expires-days", "30"];
        let key = run(app, &args, "").unwrap();
        let secret = key["secret"].as_str().unwrap();
        let path = format!("/api/v1/server/players/{}", ann.id());
        app.get(&path).bearer(secret).send().await.expect(200);
        let id = key["key"]["id"].as_str().unwrap();
        let rotated = run(app, &["key", "rotate", id], "").unwrap();
        app.get(&path).bearer(secret).send().await.expect(200);
        let rotated = rotated["secret"].as_str().unwrap();
        aethex_tests::until("the new secret to hold", async || {
            (app.get(&path).bearer(rotated).send().await.status == 200).then_some(())
        }).await;
        let args = ["key", "create", "--game", "default", "--kind", "client", "--name", "second"];
        let client_key = run(app, &args, "").unwrap();
        let key = client_key["key"].as_str().unwrap();
        app.login("ann@example.com", "correct horse of ann").header("x-aethex-key", key).send().await.expect(200);
        let keys = run(app, &["game", "keys", "default"], "").unwrap();
        assert_eq!(keys["client_keys"].as_array().unwrap().len(), 2);
        assert_eq!(keys["server_keys"].as_array().unwrap().len(), 1);
        assert_eq!(run(app, &["key", "list", "--game", "default"], "").unwrap(), keys);
        let log = run(app, &["audit", "--org", "My Studio"], "").unwrap();
        let log = log.as_array().unwrap();
        assert_eq!(log[0]["action"], "client_key.create");
        assert!(log.iter().any(|entry| entry["actor_kind"] == "cli" && entry["action"] == "org.create"));
        let listed = run(app, &["game", "list"], "").unwrap();
        assert_eq!(listed["projects"][0]["name"], "Game");
    }

    async fn people_get_back_in_with_the_operators_help(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (_, owner) = with_owner(app, "Studio").await;
        let email = "owner@studio.example";
        run(app, &["person", "password", email, "--password-stdin"], "a new horse of ann\n").unwrap();
        owner.get("/me").send().await.refused(ErrorCode::Unauthenticated);
        let client = app.studio();
        login(&client, email, PASSWORD, None).send().await.refused(ErrorCode::InvalidCredentials);
        login(&client, email, "a new horse of ann", None).send().await.expect(200);
        run(app, &["person", "reset-factor", email], "").unwrap();
        let log: Value = run(app, &["audit", "--action", "person.factor.remove"], "").unwrap();
        assert_eq!(log.as_array().unwrap().len(), 1);
    }

    async fn mistakes_are_said_and_change_nothing(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        for (args, stdin, words) in [
            (&["org", "create", "", "--owner", "a@b.co"][..], "", "`name`"),
            (&["org", "create", "X", "--owner", "nobody"], "", "email"),
            (&["org", "create", "X", "--owner", "a@b.co", "--password-stdin"], "short\n", "password"),
            (&["org", "invite", "X", "a@b.co"], "", "no organisation"),
            (&["game", "create", "G", "--org", "X"], "", "no organisation"),
            (&["game", "keys", "X/G/live"], "", "no organisation"),
            (&["game", "keys", "nothing"], "", "no game"),
            (&["key", "create", "--game", "default", "--kind", "server", "--name", "k"], "", "scope"),
            (&["key", "create", "--game", "default", "--kind", "server", "--name", "k", "--scope", "all"], "", "players:read"),
            (&["key", "revoke", "sk_secret"], "", "no key"),
            (&["person", "password", "a@b.co", "--password-stdin"], "correct horse\n", "nobody"),
        ] {
            let said = run(app, args, stdin).unwrap_err();
            assert!(said.to_lowercase().contains(words), "{args:?}: {said}");
        }
        assert_eq!(run(app, &["org", "list"], "").unwrap(), json!([]));
        assert_eq!(run(app, &["audit"], "").unwrap(), json!([]));
    }
}
