//! Organisations: who may do what, who sees what, who stays.

use super::{Person, with_owner, with_project, with_role};
use aethex_tests::on_both_engines;
use aethex_wire::ErrorCode;
use aethex_wire::page::Page;
use aethex_wire::studio::audit::AuditEntry;
use http::Method;
use serde_json::{Value, json};

async fn role_of(org: &str, by: &Person, person: &str) -> Option<String> {
    let members: Value = by.get(&format!("/orgs/{org}/members?limit=200")).send().await.expect(200).json();
    let found = members["items"].as_array().unwrap().iter().find(|member| member["person_id"] == person);
    found.map(|member| member["role"].as_str().unwrap().to_owned())
}

async fn audit(org: &str, by: &Person, filter: &str) -> Vec<AuditEntry> {
    let path = format!("/orgs/{org}/audit?limit=200{filter}");
    by.get(&path).send().await.expect(200).json::<Page<AuditEntry>>().items
}

on_both_engines! {
    async fn nobody_gives_what_they_do_not_have(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let admin = with_role(app, &org, &owner, "admin", "admin").await;
        let member = with_role(app, &org, &owner, "member", "member").await;
        let at = |person: &Person| format!("/orgs/{org}/members/{}", person.id);
        let to = |role: &str| json!({ "role": role });
        // An admin makes no owner, of themselves or others, and touches none.
        for target in [&admin, &member, &owner] {
            admin.put(&at(target), &to("owner")).send().await.refused(ErrorCode::Forbidden);
        }
        admin.put(&at(&owner), &to("member")).send().await.refused(ErrorCode::Forbidden);
        admin.delete(&at(&owner)).send().await.refused(ErrorCode::Forbidden);
        let invite = json!({ "email": "x@people.example", "role": "owner" });
        admin.post(&format!("/orgs/{org}/invitations"), &invite).send().await.refused(ErrorCode::Forbidden);
        // Roles and teams are no way around.
        let roles = format!("/orgs/{org}/roles");
        let role = json!({ "name": "Boss", "permissions": ["org.own"] });
        owner.post(&roles, &role).send().await.refused(ErrorCode::InvalidRequest);
        let role = json!({ "name": "People", "permissions": ["members.manage", "org.manage"] });
        let role: Value = owner.post(&roles, &role).send().await.expect(201).json();
        let role_id = role["id"].as_str().unwrap();
        owner.put(&at(&member), &to(role_id)).send().await.expect(204);
        member.put(&at(&member), &to("admin")).send().await.refused(ErrorCode::Forbidden);
        member.put(&at(&admin), &to("member")).send().await.refused(ErrorCode::Forbidden);
        let more = json!({ "name": "People", "permissions": ["members.manage", "org.manage", "players.read"] });
        member.put(&format!("{roles}/{role_id}"), &more).send().await.refused(ErrorCode::Forbidden);
        let another = json!({ "name": "More", "permissions": ["keys.manage"] });
        member.post(&roles, &another).send().await.refused(ErrorCode::Forbidden);
        let team = json!({ "name": "Team", "role": "support" });
        member.post(&format!("/orgs/{org}/teams"), &team).send().await.refused(ErrorCode::Forbidden);
        let team: Value = owner.post(&format!("/orgs/{org}/teams"), &team).send().await.expect(201).json();
        let team = format!("/orgs/{org}/teams/{}", team["id"].as_str().unwrap());
        member.call(Method::PUT, &format!("{team}/members/{}", member.id)).send().await.refused(ErrorCode::Forbidden);
        // Without a permission there is nothing at all, and nothing changed.
        let plain = with_role(app, &org, &owner, "plain", "member").await;
        plain.put(&at(&plain), &to("admin")).send().await.refused(ErrorCode::Forbidden);
        plain.get(&format!("/orgs/{org}/audit")).send().await.refused(ErrorCode::Forbidden);
        plain.post(&format!("/orgs/{org}/projects"), &json!({ "name": "X" })).send().await.refused(ErrorCode::Forbidden);
        plain.put(&format!("/orgs/{org}"), &json!({ "name": "Mine" })).send().await.refused(ErrorCode::Forbidden);
        assert_eq!(role_of(&org, &owner, &owner.id).await.as_deref(), Some("owner"));
        assert_eq!(role_of(&org, &owner, &member.id).await.as_deref(), Some(role_id));
        owner.delete(&format!("{roles}/{role_id}")).send().await.refused(ErrorCode::InvalidRequest);
        owner.put(&at(&member), &json!({ "role": "no-such-role" })).send().await.refused(ErrorCode::InvalidRequest);
        // What is within their means they may do, and leaving is always.
        admin.put(&at(&plain), &to("support")).send().await.expect(204);
        plain.delete(&at(&plain)).send().await.expect(204);
        plain.get(&format!("/orgs/{org}")).send().await.refused(ErrorCode::NotFound);
    }

    async fn a_team_gives_its_role_on_its_projects_only(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let sue = with_role(app, &org, &owner, "sue", "member").await;
        let (ours, _) = with_project(&org, &owner, "Ours").await;
        let (theirs, _) = with_project(&org, &owner, "Theirs").await;
        let projects = format!("/orgs/{org}/projects");
        sue.get(&format!("{projects}/{ours}")).send().await.refused(ErrorCode::NotFound);
        let team = json!({ "name": "Help", "role": "admin" });
        let team: Value = owner.post(&format!("/orgs/{org}/teams"), &team).send().await.expect(201).json();
        let team = format!("/orgs/{org}/teams/{}", team["id"].as_str().unwrap());
        owner.call(Method::PUT, &format!("{team}/members/{}", sue.id)).send().await.expect(204);
        owner.call(Method::PUT, &format!("{team}/projects/{ours}")).send().await.expect(204);
        sue.get(&format!("{projects}/{ours}/live/players?query=ann")).send().await.expect(200);
        sue.get(&format!("{projects}/{ours}/live/server-keys")).send().await.expect(200);
        sue.get(&format!("{projects}/{theirs}")).send().await.refused(ErrorCode::NotFound);
        let listed: Value = sue.get(&projects).send().await.expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        // The team's admin is none of the organisation.
        sue.get(&format!("/orgs/{org}/audit")).send().await.refused(ErrorCode::Forbidden);
        sue.put(&format!("/orgs/{org}"), &json!({ "name": "Mine" })).send().await.refused(ErrorCode::Forbidden);
        owner.delete(&format!("{team}/members/{}", sue.id)).send().await.expect(204);
        sue.get(&format!("{projects}/{ours}")).send().await.refused(ErrorCode::NotFound);
    }

    async fn anothers_things_are_invisible_by_any_id(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let (other, stranger) = with_owner(app, "Other").await;
        let (project, _) = with_project(&org, &owner, "Ours").await;
        let (foreign, _) = with_project(&other, &stranger, "Foreign").await;
        let role: Value = owner
            .post(&format!("/orgs/{org}/roles"), &json!({ "name": "R", "permissions": ["games.read"] }))
            .send().await.expect(201).json();
        let role = role["id"].as_str().unwrap();
        let key: Value = owner
            .post(&format!("/orgs/{org}/projects/{project}/live/server-keys"), &json!({ "name": "k", "scopes": ["players:read"] }))
            .send().await.expect(201).json();
        let key = key["key"]["id"].as_str().unwrap();
        let team: Value = owner
            .post(&format!("/orgs/{org}/teams"), &json!({ "name": "T", "role": "member" }))
            .send().await.expect(201).json();
        let team = team["id"].as_str().unwrap();
        for path in ["", "/members", "/invitations", "/roles", "/teams", "/projects", "/audit"] {
            stranger.get(&format!("/orgs/{org}{path}")).send().await.refused(ErrorCode::NotFound);
            stranger.get(&format!("/orgs/{}{path}", org.to_uppercase())).send().await.refused(ErrorCode::NotFound);
        }
        // By way of their own organisation neither.
        for path in [
            format!("/orgs/{other}/projects/{project}"),
            format!("/orgs/{other}/projects/{project}/live/client-keys"),
            format!("/orgs/{other}/projects/{project}/live/players?query=ann"),
            format!("/orgs/{other}/projects/{foreign}/test/client-keys"),
        ] {
            stranger.get(&path).send().await.refused(ErrorCode::NotFound);
        }
        for path in [
            format!("/orgs/{other}/members/{}", owner.id),
            format!("/orgs/{other}/roles/{role}"),
            format!("/orgs/{other}/teams/{team}"),
            format!("/orgs/{other}/projects/{foreign}/live/server-keys/{key}"),
        ] {
            stranger.delete(&path).send().await.refused(ErrorCode::NotFound);
        }
        let own_team: Value = stranger
            .post(&format!("/orgs/{other}/teams"), &json!({ "name": "T", "role": "member" }))
            .send().await.expect(201).json();
        let own_team = format!("/orgs/{other}/teams/{}", own_team["id"].as_str().unwrap());
        for path in [format!("{own_team}/members/{}", owner.id), format!("{own_team}/projects/{project}")] {
            stranger.call(Method::PUT, &path).send().await.refused(ErrorCode::NotFound);
        }
        let body = json!({ "role": role });
        let at = format!("/orgs/{other}/members/{}", stranger.id);
        stranger.put(&at, &body).send().await.refused(ErrorCode::InvalidRequest);
    }

    async fn the_last_owner_stays(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let at = |person: &Person| format!("/orgs/{org}/members/{}", person.id);
        owner.put(&at(&owner), &json!({ "role": "admin" })).send().await.refused(ErrorCode::LastOwner);
        owner.delete(&at(&owner)).send().await.refused(ErrorCode::LastOwner);
        let second = with_role(app, &org, &owner, "second", "owner").await;
        // Both leave at once: one of them stays.
        let (first_path, second_path) = (at(&owner), at(&second));
        let (one, two) = tokio::join!(owner.delete(&first_path).send(), second.delete(&second_path).send());
        let mut found = [one.status, two.status];
        found.sort_unstable();
        assert_eq!(found, [204, 409]);
    }

    async fn every_act_is_in_the_log(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let bob = with_role(app, &org, &owner, "bob", "member").await;
        let (project, _) = with_project(&org, &owner, "Game").await;
        let org_path = format!("/orgs/{org}");
        owner.put(&org_path, &json!({ "name": "Renamed" })).send().await.expect(200);
        owner.put(&format!("{org_path}/members/{}", bob.id), &json!({ "role": "support" })).send().await.expect(204);
        let keys = format!("{org_path}/projects/{project}/dev");
        let made: Value = owner
            .post(&format!("{keys}/server-keys"), &json!({ "name": "k", "scopes": ["players:read"] }))
            .send().await.expect(201).json();
        let (key, secret) = (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let rotated = owner.post(&format!("{keys}/server-keys/{key}/rotate"), &json!({})).send().await.expect(200);
        let rotated: Value = rotated.json();
        owner.delete(&format!("{keys}/server-keys/{key}")).send().await.expect(204);
        let client_key: Value = owner.post(&format!("{keys}/client-keys"), &json!({ "name": "c" })).send().await.expect(201).json();
        owner.delete(&format!("{keys}/client-keys/{}", client_key["key"].as_str().unwrap())).send().await.expect(204);
        owner.delete(&format!("{org_path}/members/{}", bob.id)).send().await.expect(204);
        let entries = audit(&org, &owner, "").await;
        let actions: Vec<&str> = entries.iter().rev().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, [
            "org.create", "invitation.create", "invitation.accept", "person.login",
            "invitation.create", "invitation.accept", "project.create", "org.change", "member.change",
            "server_key.create", "server_key.rotate", "server_key.revoke", "client_key.create", "client_key.revoke",
            "member.remove",
        ]);
        let change = entries.iter().find(|entry| entry.action == "member.change").unwrap();
        assert_eq!((change.actor_kind.as_str(), change.actor.as_str()), ("person", "owner@studio.example"));
        assert_eq!((change.actor_id.as_str(), change.address.as_str()), (owner.id.as_str(), "127.0.0.1"));
        assert_eq!((change.before["role"].as_str(), change.after["role"].as_str()), ("member", "support"));
        assert_eq!(entries.last().unwrap().actor_kind, "cli");
        let text = serde_json::to_string(&entries).unwrap();
        for secret in [secret, rotated["secret"].as_str().unwrap()] {
            assert!(!text.contains(secret.split_once('.').unwrap().1), "a secret is in the log");
        }
        // Filters and pages.
        assert_eq!(audit(&org, &owner, "&action=member.change").await.len(), 1);
        assert_eq!(audit(&org, &owner, &format!("&target_id={key}")).await.len(), 3);
        assert_eq!(audit(&org, &owner, &format!("&actor_id={}", bob.id)).await.len(), 1);
        assert!(audit(&org, &owner, &format!("&since_ms={}", entries[0].at_ms + 1)).await.is_empty());
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page: Page<AuditEntry> =
                owner.get(&format!("{org_path}/audit?limit=4{cursor}")).send().await.expect(200).json();
            paged.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, entries);
        // Nobody changes it.
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let call = owner.call(method, &format!("{org_path}/audit")).json(&json!({}));
            call.send().await.refused(ErrorCode::MethodNotAllowed);
        }
    }
}
