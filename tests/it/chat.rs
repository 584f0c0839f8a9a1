//! Text chat, blocks and reports.

use crate::privacy::{database, erased, in_tables, unpack};
use crate::proof::Double;
use crate::rooms::{join, make, of_game, post, second_game};
use aethex_backend::app::now_ms;
use aethex_backend::args;
use aethex_tests::app::password_of;
use aethex_tests::{App, Engine, Live, Player, Reply, on_both_engines, until};
use aethex_wire::multiplayer::chat::{Block, ChatMessage, Conversation};
use aethex_wire::multiplayer::parties::Party;
use aethex_wire::page::Page;
use aethex_wire::privacy::{Export, ExportStatus, Receipt};
use aethex_wire::{CLIENT_KEY_HEADER, ErrorCode, IDEMPOTENCY_KEY_HEADER};
use http::Method;
use serde_json::{Value, json};

const CHAT: &str = "/api/v1/multiplayer/chat";
const BLOCKS: &str = "/api/v1/multiplayer/blocks";
const REPORTS: &str = "/api/v1/multiplayer/reports";
const DAY_MS: i64 = 24 * 3600 * 1000;

fn direct(to: &Player) -> String {
    format!("direct:{}", to.id())
}

async fn say(player: &Player, channel: &str, text: &str) -> Reply {
    post(player, &format!("{CHAT}/{channel}/messages"), json!({ "text": text })).await
}

/// Says something to a player under an idempotency key.
async fn send_once(from: &Player, to: &Player, text: &str, key: &str) -> Reply {
    let call = from.call(Method::POST, &format!("{CHAT}/{}/messages", direct(to)));
    call.header(IDEMPOTENCY_KEY_HEADER, key).json(&json!({ "text": text })).send().await
}

async fn said(player: &Player, channel: &str, text: &str) -> ChatMessage {
    say(player, channel, text).await.expect(201).json()
}

async fn page(player: &Player, channel: &str, query: &str) -> Page<ChatMessage> {
    player.get(&format!("{CHAT}/{channel}/messages{query}")).send().await.expect(200).json()
}

async fn texts(player: &Player, channel: &str) -> Vec<String> {
    page(player, channel, "").await.items.into_iter().map(|message| message.text).collect()
}

async fn edit(player: &Player, channel: &str, message: &ChatMessage, text: &str) -> Reply {
    let path = format!("{CHAT}/{channel}/messages/{}", message.id);
    player.call(Method::PUT, &path).json(&json!({ "text": text })).send().await
}

async fn delete(player: &Player, channel: &str, message: &ChatMessage) -> Reply {
    player.call(Method::DELETE, &format!("{CHAT}/{channel}/messages/{}", message.id)).send().await
}

async fn mark(player: &Player, channel: &str, message: &ChatMessage) -> Reply {
    let path = format!("{CHAT}/{channel}/read");
    player.call(Method::PUT, &path).json(&json!({ "message_id": message.id })).send().await
}

async fn conversations(player: &Player) -> Vec<Conversation> {
    let page: Page<Conversation> = player.get(CHAT).send().await.expect(200).json();
    page.items
}

async fn unread(player: &Player, channel: &str) -> Option<u32> {
    conversations(player).await.into_iter().find(|one| one.channel == channel).map(|one| one.unread)
}

async fn member(player: &Player, method: Method, name: &str) -> Reply {
    player.call(method, &format!("{CHAT}/channel:{name}/membership")).send().await
}

async fn block(player: &Player, method: Method, whom: &str) -> Reply {
    player.call(method, &format!("{BLOCKS}/{whom}")).send().await
}

async fn report(player: &Player, about: &Player, message: Option<&ChatMessage>) -> Reply {
    let id = message.map(|message| message.id.as_str());
    let body = json!({ "player_id": about.id(), "message_id": id, "reason": "abuse", "text": "again" });
    post(player, REPORTS, body).await
}

/// The next word that a player's availability is this one.
async fn until_shown(live: &mut Live, player: &Player, availability: &str) {
    loop {
        let told = live.until("presence_changed").await;
        if told["player_id"] == player.id() && told["availability"] == availability {
            return;
        }
    }
}

on_both_engines! {
    async fn two_players_write_to_each_other(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        let (to_bob, to_ann) = (direct(&bob), direct(&ann));
        assert!(texts(&ann, &to_bob).await.is_empty());
        let first = said(&ann, &to_bob, "hello\nbob").await;
        assert_eq!((first.channel.as_str(), first.from_id.as_str()), (to_bob.as_str(), ann.id()));
        assert_eq!((first.from_username.as_str(), first.deleted, first.edited_at_ms), (ann.user.username.as_str(), false, None));
        // Bob was not here; the message waits, under the other's name.
        let found = conversations(&bob).await;
        assert_eq!((found.len(), found[0].channel.as_str(), found[0].unread), (1, to_ann.as_str(), 1));
        assert_eq!(found[0].last.text, "hello\nbob");
        for text in ["one", "two", "three"] {
            said(&bob, &to_ann, text).await;
        }
        assert_eq!(texts(&ann, &to_bob).await, ["three", "two", "one", "hello\nbob"]);
        let newest = page(&ann, &to_bob, "?limit=3").await;
        assert_eq!(newest.items[2].text, "one");
        let older = page(&ann, &to_bob, &format!("?limit=3&cursor={}", newest.next_cursor.unwrap())).await;
        assert_eq!((older.items.len(), older.items[0].text.as_str(), older.next_cursor), (1, "hello\nbob", None));
        ann.get(&format!("{CHAT}/{to_bob}/messages?cursor=eHg")).send().await.refused(ErrorCode::InvalidRequest);
        // Marks go forward only.
        assert_eq!(unread(&ann, &to_bob).await, Some(3));
        mark(&ann, &to_bob, &newest.items[1]).await.expect(204);
        assert_eq!(unread(&ann, &to_bob).await, Some(1));
        mark(&ann, &to_bob, &newest.items[2]).await.expect(204);
        assert_eq!(unread(&ann, &to_bob).await, Some(1));
        mark(&ann, &to_bob, &newest.items[0]).await.expect(204);
        assert_eq!(unread(&ann, &to_bob).await, Some(0));
        mark(&eve, &to_bob, &first).await.refused(ErrorCode::MessageNotFound);
        // It is between the two.
        assert!(conversations(&eve).await.is_empty());
        assert!(texts(&eve, &to_bob).await.is_empty());
        for (channel, code) in [
            (direct(&ann), ErrorCode::ChannelNotFound),
            ("direct:0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f".into(), ErrorCode::ChannelNotFound),
            ("elsewhere:x".into(), ErrorCode::ChannelNotFound),
        ] {
            say(&ann, &channel, "hm").await.refused(code);
        }
        for text in ["", "  \n", "a\u{7}b"] {
            say(&eve, &to_bob, text).await.refused(ErrorCode::InvalidRequest);
        }
        say(&eve, &to_bob, &"x".repeat(2_001)).await.refused(ErrorCode::InvalidRequest);
        said(&eve, &to_bob, &"\u{1f600}".repeat(2_000)).await;
        assert_eq!(conversations(&bob).await.len(), 2);
        assert_eq!(conversations(&bob).await[0].channel, direct(&eve));
        app.get(CHAT).send().await.refused(ErrorCode::Unauthenticated);
    }

    async fn words_are_changed_and_taken_back_by_who_wrote_them(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let (to_bob, to_ann) = (direct(&bob), direct(&ann));
        let mut live = Live::of(app.url(), &bob).await;
        let message = said(&ann, &to_bob, "helo").await;
        edit(&bob, &to_ann, &message, "mine").await.refused(ErrorCode::MessageNotFound);
        delete(&bob, &to_ann, &message).await.refused(ErrorCode::MessageNotFound);
        edit(&ann, &to_bob, &message, " ").await.refused(ErrorCode::InvalidRequest);
        let changed: ChatMessage = edit(&ann, &to_bob, &message, "hello").await.expect(200).json();
        assert!(changed.edited_at_ms.is_some());
        let told = live.until("chat_edited").await;
        assert_eq!((&told["text"], &told["channel"]), (&json!("hello"), &json!(to_ann)));
        assert_eq!(texts(&bob, &to_ann).await, ["hello"]);
        // Only for a while.
        let sql = database(app).await;
        let age = "UPDATE multiplayer_message SET sent_at_ms = sent_at_ms - 900001 WHERE message_id = $1";
        sql.all_games().execute(age, args![message.id.as_str()]).await.unwrap();
        sql.close().await;
        edit(&ann, &to_bob, &message, "late").await.refused(ErrorCode::MessageNotFound);
        delete(&ann, &to_bob, &message).await.expect(204);
        let told = live.until("chat_edited").await;
        assert_eq!((&told["text"], &told["deleted"]), (&json!(""), &json!(true)));
        let left = page(&bob, &to_ann, "").await.items;
        assert_eq!((left.len(), left[0].text.as_str(), left[0].deleted), (1, "", true));
        assert_eq!(unread(&bob, &to_ann).await, Some(0));
        edit(&ann, &to_bob, &message, "back").await.refused(ErrorCode::MessageNotFound);
    }

    async fn rooms_and_parties_have_channels_for_those_in_them(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        let room = make(&ann, json!({})).await.room;
        let channel = format!("room:{}", room.id);
        say(&bob, &channel, "let me in").await.refused(ErrorCode::ChannelNotFound);
        join(&bob, &room).await.expect(200);
        let other = app.start_beside().await;
        let [mut ann_live, mut bob_live] = [Live::of(app.url(), &ann).await, Live::of(&other.url(), &bob).await];
        let mut eve_live = Live::of(app.url(), &eve).await;
        said(&ann, &channel, "in the room").await;
        for live in [&mut ann_live, &mut bob_live] {
            let told = live.until("chat_message").await;
            assert_eq!((&told["channel"], &told["text"]), (&json!(channel), &json!("in the room")));
        }
        assert_eq!(unread(&bob, &channel).await, Some(1));
        assert_eq!(unread(&ann, &channel).await, Some(0));
        eve.get(&format!("{CHAT}/{channel}/messages")).send().await.refused(ErrorCode::ChannelNotFound);
        let party: Party = post(&ann, "/api/v1/multiplayer/party", json!({})).await.expect(201).json();
        let of_party = format!("party:{}", party.id);
        say(&bob, &of_party, "hi").await.refused(ErrorCode::ChannelNotFound);
        post(&bob, &format!("/api/v1/multiplayer/party/codes/{}", party.code), json!({})).await.expect(200);
        let message = said(&bob, &of_party, "in the party").await;
        assert_eq!(ann_live.until("chat_message").await["text"], "in the party");
        assert_eq!(conversations(&ann).await.iter().map(|one| one.channel.as_str()).collect::<Vec<_>>(), [of_party.as_str(), channel.as_str()]);
        mark(&ann, &of_party, &message).await.expect(204);
        assert_eq!(unread(&ann, &of_party).await, Some(0));
        // Out of the party, out of its channel; one's own words can still be taken back.
        bob.call(Method::DELETE, "/api/v1/multiplayer/party").send().await.expect(204);
        bob.get(&format!("{CHAT}/{of_party}/messages")).send().await.refused(ErrorCode::ChannelNotFound);
        delete(&bob, &of_party, &message).await.expect(204);
        assert_eq!(ann_live.until("chat_edited").await["deleted"], true);
        // Eve heard nothing of all that.
        said(&ann, &direct(&eve), "now you").await;
        assert_eq!(eve_live.until("chat_message").await["text"], "now you");
        // What was said goes with the room and the party.
        ann.call(Method::DELETE, &format!("/api/v1/multiplayer/rooms/{}", room.id)).send().await.expect(204);
        ann.call(Method::DELETE, "/api/v1/multiplayer/party").send().await.expect(204);
        app.sweep_chat(now_ms()).await;
        let sql = database(app).await;
        let count = "SELECT COUNT(*) FROM multiplayer_message WHERE channel NOT LIKE 'direct:%'";
        assert_eq!(sql.all_games().read_one(count, args![], |row| row.int(0)).await.unwrap(), Some(0));
        let count = "SELECT COUNT(*) FROM multiplayer_channel_player WHERE channel NOT LIKE 'direct:%'";
        assert_eq!(sql.all_games().read_one(count, args![], |row| row.int(0)).await.unwrap(), Some(0));
        sql.close().await;
        other.stop().await;
    }

    async fn named_channels_are_joined_and_left(app, |config| config.multiplayer.chat.channel_players_max = 2) {
        let [ann, bob, cat] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("cat").await];
        say(&ann, "channel:trade", "hi").await.refused(ErrorCode::ChannelNotFound);
        member(&ann, Method::PUT, "Trade").await.expect(204);
        said(&ann, "channel:TRADE", "selling").await;
        member(&bob, Method::PUT, "trade").await.expect(204);
        member(&bob, Method::PUT, "trade").await.expect(204);
        member(&cat, Method::PUT, "trade").await.refused(ErrorCode::TooLarge);
        // What was said before one joined is read.
        assert_eq!(unread(&bob, "channel:trade").await, Some(0));
        let mut live = Live::of(app.url(), &bob).await;
        said(&ann, "channel:trade", "sold").await;
        assert_eq!(live.until("chat_message").await["channel"], "channel:trade");
        assert_eq!(unread(&bob, "channel:trade").await, Some(1));
        assert_eq!(texts(&bob, "channel:trade").await, ["sold", "selling"]);
        member(&bob, Method::DELETE, "trade").await.expect(204);
        member(&bob, Method::DELETE, "trade").await.refused(ErrorCode::ChannelNotFound);
        assert_eq!(unread(&bob, "channel:trade").await, None);
        bob.get(&format!("{CHAT}/channel:trade/messages")).send().await.refused(ErrorCode::ChannelNotFound);
        member(&cat, Method::PUT, "trade").await.expect(204);
        member(&ann, Method::PUT, "a%20b").await.refused(ErrorCode::ChannelNotFound);
        member(&ann, Method::PUT, "fuck").await.refused(ErrorCode::MessageRefused);
        let room = format!("{CHAT}/room:{}/membership", ann.id());
        ann.call(Method::PUT, &room).send().await.refused(ErrorCode::InvalidRequest);
    }

    async fn who_is_blocked_is_neither_heard_nor_seen(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let (to_bob, to_ann) = (direct(&bob), direct(&ann));
        said(&bob, &to_ann, "before").await;
        let room = make(&ann, json!({})).await.room;
        join(&bob, &room).await.expect(200);
        let channel = format!("room:{}", room.id);
        let mut ann_live = Live::of(app.url(), &ann).await;
        let mut bob_live = Live::of(app.url(), &bob).await;
        post(&bob, "/api/v1/multiplayer/presence", json!({ "player_ids": [ann.id()], "watch": true })).await.expect(200);
        block(&ann, Method::PUT, ann.id()).await.refused(ErrorCode::InvalidRequest);
        block(&ann, Method::PUT, "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f").await.refused(ErrorCode::NotFound);
        block(&ann, Method::PUT, bob.id()).await.expect(204);
        block(&ann, Method::PUT, bob.id()).await.expect(204);
        until_shown(&mut bob_live, &ann, "offline").await;
        let listed: Page<Block> = ann.get(BLOCKS).send().await.expect(200).json();
        assert_eq!((listed.items.len(), listed.items[0].player_id.as_str(), listed.items[0].username.as_str()), (1, bob.id(), bob.user.username.as_str()));
        let none: Page<Block> = bob.get(BLOCKS).send().await.expect(200).json();
        assert!(none.items.is_empty());
        say(&bob, &to_ann, "hello?").await.refused(ErrorCode::Blocked);
        say(&ann, &to_bob, "and now").await.refused(ErrorCode::Blocked);
        assert!(texts(&ann, &to_bob).await.is_empty());
        assert!(conversations(&ann).await.is_empty());
        // Among others: not heard by who blocked.
        said(&bob, &channel, "to all").await;
        said(&ann, &channel, "also to all").await;
        assert_eq!(ann_live.until("chat_message").await["text"], "also to all");
        assert_eq!(texts(&ann, &channel).await, ["also to all"]);
        assert_eq!(texts(&bob, &channel).await, ["also to all", "to all"]);
        let invite = json!({ "player_id": ann.id(), "room_id": room.id });
        post(&bob, "/api/v1/multiplayer/invites", invite).await.refused(ErrorCode::Blocked);
        block(&ann, Method::DELETE, bob.id()).await.expect(204);
        block(&ann, Method::DELETE, bob.id()).await.expect(204);
        until_shown(&mut bob_live, &ann, "online").await;
        assert_eq!(texts(&ann, &to_bob).await, ["before"]);
        said(&bob, &to_ann, "again").await;
        assert_eq!(ann_live.until("chat_message").await["text"], "again");
    }

    async fn words_of_the_list_are_masked(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let message = said(&ann, &direct(&bob), "what the F.u.c.k, Scunthorpe").await;
        assert_eq!(message.text, "what the *******, Scunthorpe");
        let changed: ChatMessage = edit(&ann, &direct(&bob), &message, "sh1t happens").await.expect(200).json();
        assert_eq!(changed.text, "**** happens");
        assert_eq!(texts(&bob, &direct(&ann)).await, ["**** happens"]);
    }

    async fn words_of_the_list_are_refused(app, |config| {
        config.multiplayer.chat.filter = serde_json::from_str("\"refuse\"").unwrap();
        config.multiplayer.chat.words_file = concat!(env!("CARGO_MANIFEST_DIR"), "/it/chat_words.txt").into();
    }) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        say(&ann, &direct(&bob), "Flibber!").await.refused(ErrorCode::MessageRefused);
        say(&ann, &direct(&bob), "fuck").await.refused(ErrorCode::MessageRefused);
        said(&ann, &direct(&bob), "flibbering").await;
        assert_eq!(texts(&bob, &direct(&ann)).await, ["flibbering"]);
    }

    async fn who_says_too_much_waits(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let to_bob = direct(&bob);
        let many = futures_util::future::join_all((0..30).map(|_| say(&ann, &to_bob, "spam")));
        let codes: Vec<u16> = many.await.iter().map(|reply| reply.status).collect();
        let sent = codes.iter().filter(|code| **code == 201).count();
        assert!(sent >= 10 && codes.contains(&429), "{codes:?}");
        say(&bob, &direct(&ann), "stop").await.expect(201);
    }

    async fn what_is_sent_twice_is_said_once(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let mut hears = Live::of(app.url(), &bob).await;
        let first: ChatMessage = send_once(&ann, &bob, "hello", "k1").await.expect(201).json();
        let again: ChatMessage = send_once(&ann, &bob, "hello", "k1").await.expect(201).json();
        assert_eq!(again, first);
        let at_once = futures_util::future::join_all((0..4).map(|_| send_once(&ann, &bob, "at once", "k2"))).await;
        let at_once: Vec<ChatMessage> = at_once.into_iter().map(|reply| reply.expect(201).json()).collect();
        assert!(at_once.iter().all(|message| *message == at_once[0]));
        assert_eq!(hears.until("chat_message").await["id"], first.id.as_str());
        assert_eq!(hears.until("chat_message").await["id"], at_once[0].id.as_str());
        assert_eq!(texts(&bob, &direct(&ann)).await, ["at once", "hello"]);
        send_once(&ann, &bob, "other words", "k1").await.refused(ErrorCode::IdempotencyMismatch);
        send_once(&ann, &bob, "hello", "a key").await.refused(ErrorCode::InvalidRequest);
        // Keys are each player's own.
        send_once(&bob, &ann, "hello", "k1").await.expect(201);
        assert_eq!(texts(&ann, &direct(&bob)).await.len(), 3);
        // A message that was taken back stays so.
        delete(&ann, &direct(&bob), &first).await.expect(204);
        let gone: ChatMessage = send_once(&ann, &bob, "hello", "k1").await.expect(201).json();
        assert!(gone.deleted && gone.id == first.id);
    }

    async fn a_report_keeps_what_was_said(app) {
        let [ann, bob, eve] = [app.as_player("ann").await, app.as_player("bob").await, app.as_player("eve").await];
        let message = said(&bob, &direct(&ann), "something bad").await;
        report(&ann, &ann, None).await.refused(ErrorCode::InvalidRequest);
        report(&ann, &eve, Some(&message)).await.refused(ErrorCode::MessageNotFound);
        report(&ann, &bob, Some(&message)).await.expect(201);
        delete(&bob, &direct(&ann), &message).await.expect(204);
        post(&ann, REPORTS, json!({ "player_id": bob.id(), "reason": "because" })).await.refused(ErrorCode::InvalidRequest);
        report(&ann, &eve, None).await.expect(201);
        let sql = database(app).await;
        let kept = "SELECT message_text, reason, text FROM multiplayer_report WHERE about_id = $1";
        let all = sql.all_games();
        let row = all.read_one(kept, args![bob.id()], |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?)));
        assert_eq!(row.await.unwrap().unwrap(), ("something bad".into(), "abuse".into(), "again".into()));
        // Reports do not stay for ever.
        let count = async || {
            let all = sql.all_games();
            let counted = all.read_one("SELECT COUNT(*) FROM multiplayer_report", vec![], |row| row.int(0));
            counted.await.unwrap().unwrap()
        };
        app.sweep_chat(now_ms() + 179 * DAY_MS).await;
        assert_eq!(count().await, 2);
        app.sweep_chat(now_ms() + 181 * DAY_MS).await;
        assert_eq!(count().await, 0);
        sql.close().await;
        app.get("/api/v1/server/reports").send().await.refused(ErrorCode::InvalidServerKey);
    }

    async fn old_messages_are_removed(app) {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        member(&ann, Method::PUT, "trade").await.expect(204);
        said(&ann, "channel:trade", "old").await;
        said(&ann, &direct(&bob), "old").await;
        app.sweep_chat(now_ms() + 89 * DAY_MS).await;
        assert_eq!(conversations(&ann).await.len(), 2);
        app.sweep_chat(now_ms() + 91 * DAY_MS).await;
        assert!(conversations(&ann).await.is_empty());
        assert!(texts(&bob, &direct(&ann)).await.is_empty());
        // Who joined a channel stays in it.
        said(&ann, "channel:trade", "new").await;
        let sql = database(app).await;
        let count = "SELECT COUNT(*) FROM multiplayer_channel_player WHERE channel LIKE 'direct:%'";
        assert_eq!(sql.all_games().read_one(count, args![], |row| row.int(0)).await.unwrap(), Some(0));
        sql.close().await;
    }

    async fn another_games_channels_are_not_there(app) {
        let key = second_game(app).await;
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let eve = of_game(app, &key, "eve").await;
        member(&ann, Method::PUT, "trade").await.expect(204);
        let message = said(&ann, "channel:trade", "ours").await;
        let theirs = |method: Method, path: &str| eve.call(method, path).header(CLIENT_KEY_HEADER, &key);
        let at = format!("{CHAT}/channel:trade");
        theirs(Method::PUT, &format!("{at}/membership")).send().await.expect(204);
        let found: Page<ChatMessage> = theirs(Method::GET, &format!("{at}/messages")).send().await.expect(200).json();
        assert!(found.items.is_empty());
        theirs(Method::DELETE, &format!("{at}/messages/{}", message.id)).send().await.refused(ErrorCode::MessageNotFound);
        let call = theirs(Method::POST, &format!("{CHAT}/{}/messages", direct(&bob)));
        call.json(&json!({ "text": "hi" })).send().await.refused(ErrorCode::ChannelNotFound);
        theirs(Method::PUT, &format!("{BLOCKS}/{}", ann.id())).send().await.refused(ErrorCode::NotFound);
        let body = json!({ "player_id": ann.id(), "message_id": message.id, "reason": "spam" });
        theirs(Method::POST, REPORTS).json(&body).send().await.refused(ErrorCode::NotFound);
    }

    async fn what_a_player_wrote_is_exported_and_erased(app, |config| {
        config.privacy.erasure_grace_s = 0;
        config.http.request_timeout_ms = 500;
    }) {
        let [ann, bob] = [app.as_player("annabelle").await, app.as_player("bob").await];
        for player in [&ann, &bob] {
            member(player, Method::PUT, "trade").await.expect(204);
        }
        said(&ann, "channel:trade", "annabelle sells").await;
        said(&ann, &direct(&bob), "annabelle here").await;
        said(&bob, &direct(&ann), "hello annabelle").await;
        said(&bob, "channel:trade", "bob buys").await;
        block(&bob, Method::PUT, ann.id()).await.expect(204);
        report(&bob, &ann, None).await.expect(201);
        let asked: Export = ann.call(Method::POST, "/api/v1/privacy/exports").send().await.expect(202).json();
        let at = format!("/api/v1/privacy/exports/{}", asked.id);
        until("the export", async || {
            let found: Export = ann.get(&at).send().await.expect(200).json();
            (found.status == ExportStatus::Ready).then_some(())
        }).await;
        let archive = unpack(&ann.get(&format!("{at}/archive")).send().await.expect(200).body);
        let messages: Value = serde_json::from_slice(&archive["multiplayer/messages.json"]).unwrap();
        let texts_of: Vec<&str> = messages.as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
        assert_eq!(texts_of, ["annabelle sells", "annabelle here"]);
        let password = json!({ "password": password_of("annabelle") });
        let asked: Receipt = post(&ann, "/api/v1/privacy/erasure", password).await.expect(202).json();
        erased(app, &asked).await;
        let sql = database(app).await;
        assert_eq!(in_tables(&sql, &[ann.id(), "annabelle"]).await, [""; 0]);
        sql.close().await;
        assert_eq!(texts(&bob, "channel:trade").await, ["bob buys"]);
        assert_eq!(conversations(&bob).await.len(), 1);
    }
}

#[test]
fn a_service_judges_what_is_said() {
    let double = Double::start(&[
        r#"200 {"action":"pass"}"#,
        r#"200 {"action":"replace","text":"something nice"}"#,
        r#"200 {"action":"refuse"}"#,
        r#"500 {"action":"refuse"}"#,
        r#"302 {"action":"refuse"}"#,
        r#"200 {"action":"replace","text":""}"#,
    ]);
    let url = double.url.clone();
    let configure = |config: &mut aethex_backend::config::Config| {
        config.multiplayer.chat.moderation_url = url;
        config.multiplayer.chat.moderation_secret = "hush".into();
    };
    aethex_tests::app::run(Engine::Sqlite, configure, async |app: &App| {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        let to_bob = direct(&bob);
        assert_eq!(said(&ann, &to_bob, "one shit").await.text, "one ****");
        assert_eq!(said(&ann, &to_bob, "two").await.text, "something nice");
        say(&ann, &to_bob, "three").await.refused(ErrorCode::MessageRefused);
        // Away, it has no say.
        for text in ["four", "five", "six"] {
            assert_eq!(said(&ann, &to_bob, text).await.text, text);
        }
        assert_eq!(texts(&bob, &direct(&ann)).await.len(), 5);
    });
    let asked = double.asked(6);
    let first: Value = serde_json::from_str(&asked[0]).unwrap();
    assert_eq!(first["text"], "one ****");
    assert!(first["channel"].as_str().unwrap().starts_with("direct:"));
}

#[test]
fn nothing_is_said_while_the_service_is_away_where_that_is_wanted() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let configure = |config: &mut aethex_backend::config::Config| {
        config.multiplayer.chat.moderation_url = format!("http://{closed}/");
        config.multiplayer.chat.moderation_away = serde_json::from_str("\"closed\"").unwrap();
    };
    aethex_tests::app::run(Engine::Sqlite, configure, async |app: &App| {
        let [ann, bob] = [app.as_player("ann").await, app.as_player("bob").await];
        say(&ann, &direct(&bob), "hello").await.refused(ErrorCode::Overloaded);
        assert!(conversations(&bob).await.is_empty());
    });
}
