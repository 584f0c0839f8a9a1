//! Mails as they leave.

use super::*;
use std::path::Path;

fn room(folder: &Path) -> Mailroom {
    Mailroom::open(&Config::for_tests(folder)).unwrap()
}

fn job(payload: Value) -> Job {
    Job {
        id: "0190-1".into(),
        game: None,
        player: None,
        kind: SEND.into(),
        payload,
        attempt: 1,
        created_at_ms: 0,
    }
}

fn mail(room: &Mailroom, to: &str, values: Value, game: Option<&str>) -> Result<String, String> {
    let payload = Payload { to: to.into(), locale: "en".into(), template: "verify_email".into(), values };
    let message = room.message(&job(Value::Null), &payload, game)?;
    Ok(String::from_utf8(message.formatted()).unwrap())
}

#[test]
fn a_mail_has_the_heads_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let values = json!({"username": "ann", "code": "ABCD-EFGH", "link": "https://a.example/#code=ABCD"});
    let text = mail(&room(folder.path()), "ann@example.com", values, Some("Space Game")).unwrap();
    for line in [
        "From: \"Space Game\" <noreply@localhost>\r\n",
        "To: ann@example.com\r\n",
        "Subject: Space Game: confirm your email address\r\n",
        "Message-ID: <0190-1@localhost>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
        "Hello ann,",
        "ABCD-EFGH",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn nothing_given_becomes_a_head() {
    let folder = tempfile::tempdir().unwrap();
    let room = room(folder.path());
    let evil = "x\r\nBcc: victim@example.com\r\n\r\nbody";
    let text = mail(&room, "ann@example.com", json!({"username": evil, "code": "A"}), Some(evil)).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap();
    assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head}");
    for to in [evil, "", "a@b@c", "ann@example.com\r\nBcc: x@example.com", "ann@example.com, ben@example.com"]
    {
        let error = mail(&room, to, json!({"code": "A"}), None).unwrap_err();
        assert_eq!(error, "the address cannot be used", "{to}");
    }
}

#[test]
fn a_wrong_sender_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(folder.path());
    config.mail.from = "Studio".into();
    assert!(Mailroom::open(&config).unwrap_err().0.contains("mail.from"));
    config.mail.from = "Studio <mail@example.com>".into();
    config.mail.reply_to = "help@example.com".into();
    let room = Mailroom::open(&config).unwrap();
    let text = mail(&room, "ann@example.com", json!({"code": "A"}), None).unwrap();
    assert!(text.contains("From: Studio <mail@example.com>\r\n"), "{text}");
    assert!(text.contains("Reply-To: help@example.com\r\n"), "{text}");
}

#[test]
fn nothing_of_a_mail_is_shown() {
    let shown = Mail {
        game: None,
        player: None,
        to: "ann@example.com".into(),
        locale: "en".into(),
        template: Template::VerifyEmail,
        values: json!({"code": "ABCD"}),
    };
    assert_eq!(format!("{shown:?}"), "Mail { template: VerifyEmail, .. }");
    assert!(!format!("{:?}", job(json!({"code": "ABCD"}))).contains("ABCD"));
}
