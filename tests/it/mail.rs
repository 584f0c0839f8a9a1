//! Mails from the queue to a real mail server, through its refusals, and to the outbox folder.

use aethex_backend::config::Config;
use aethex_backend::mail::{Mail, Template, queue};
use aethex_backend::ports::sql::{Sql, SqlError};
use aethex_backend::{app as backend, doctor};
use aethex_tests::smtp::{self, MailServer, Tls};
use aethex_tests::{App, Engine, app, until};
use serde_json::json;
use std::collections::BTreeSet;

const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];
/// Mails are put from outside of the server, which finds them by its poll.
const POLL_MS: u64 = 20;

/// Settings with which `server` is used as it wants to be.
fn use_server(config: &mut Config, server: &MailServer) {
    config.jobs.poll_ms = POLL_MS;
    config.mail.smtp_host = "localhost".into();
    config.mail.smtp_port = server.port();
    config.mail.smtp_security = match server.tls() {
        Tls::None => "none",
        Tls::StartTls => "starttls",
        Tls::Implicit => "tls",
    }
    .into();
    config.mail.smtp_ca_file = server.authority().display().to_string();
    config.mail.from = "Studio <noreply@example.com>".into();
}

/// Runs a test on both databases, each with a mail server of its own.
fn with_server(
    setup: &smtp::Setup,
    change: impl Fn(&mut Config),
    test: impl AsyncFn(&App, &MailServer, &Sql),
) {
    for engine in ENGINES {
        let server = setup.clone().start();
        let configure = |config: &mut Config| {
            use_server(config, &server);
            change(config);
        };
        app::run(engine, configure, async |app| {
            let sql = backend::open_sql(&app.config).await.unwrap();
            test(app, &server, &sql).await;
            sql.close().await;
        });
    }
}

fn mail_to(to: &str) -> Mail {
    Mail {
        game: None,
        player: None,
        to: to.into(),
        locale: "de-AT".into(),
        template: Template::VerifyEmail,
        values: json!({"username": "ann", "code": "ABCD-EFGH", "link": "https://cloud.example.com/#code=ABCD"}),
    }
}

async fn put(sql: &Sql, mail: Mail) {
    let all = sql.all_games();
    let put = all.transaction::<_, SqlError, _>(move |transaction| {
        Box::pin(async move { queue(transaction, &mail).await })
    });
    put.await.unwrap();
}

/// What the doctor says of `what`.
async fn diagnosis(config: &Config, what: &str) -> Result<String, String> {
    let checks = doctor::run(config).await;
    checks.into_iter().find(|check| check.what == what).expect("the doctor looks at it").outcome
}

async fn queue_is(app: &App, begin: &str) -> String {
    until("the queue's state", async || {
        Some(diagnosis(&app.config, "jobs").await.unwrap()).filter(|state| state.starts_with(begin))
    })
    .await
}

/// Why the only job failed last.
async fn failure(sql: &Sql) -> String {
    until("a job to fail", async || {
        let all = sql.all_games();
        let found = all.read_one("SELECT last_error FROM jobs_job", vec![], |row| row.text(0)).await.unwrap();
        found.filter(|reason| !reason.is_empty())
    })
    .await
}

#[test]
fn mails_leave_over_tls_with_a_login() {
    for tls in [Tls::StartTls, Tls::Implicit] {
        let setup = smtp::Setup::new(tls).login("game", "pass word");
        let login = |config: &mut Config| {
            config.mail.smtp_user = "game".into();
            config.mail.smtp_password = "pass word".into();
        };
        with_server(&setup, login, async |app, server, sql| {
            put(sql, mail_to("ann@example.com")).await;
            let mail = server.mail_to("ann@example.com").await;
            assert!(mail.tls, "{mail:?}");
            assert_eq!(mail.login.as_deref(), Some("game"));
            assert_eq!(mail.from, "noreply@example.com");
            assert_eq!(mail.header("from"), "Studio <noreply@example.com>");
            assert_eq!(mail.header("to"), "ann@example.com");
            assert_eq!(mail.header("subject"), "AeThex Cloud: Bitte bestätige deine E-Mail-Adresse");
            assert_eq!(mail.word("https://"), "https://cloud.example.com/#code=ABCD");
            assert!(mail.text.as_deref().unwrap().lines().any(|line| line == "ABCD-EFGH"), "{mail:?}");
            assert!(mail.html.as_deref().unwrap().contains("<strong>ABCD-EFGH</strong>"), "{mail:?}");
            queue_is(app, "0 waiting, 0 given up").await;
            assert!(diagnosis(&app.config, "mail").await.unwrap().contains("answers"));
            assert_eq!(server.mails().len(), 1);
        });
    }
}

#[test]
fn a_mail_refused_for_now_is_sent_later() {
    with_server(
        &smtp::Setup::new(Tls::StartTls),
        |_| {},
        async |app, server, sql| {
            server.refuse_next(2, "451 4.3.0 try again later");
            put(sql, mail_to("ann@example.com")).await;
            assert_eq!(failure(sql).await, "the mail server put it off: 451");
            server.mail_to("ann@example.com").await;
            queue_is(app, "0 waiting, 0 given up").await;
            assert_eq!(server.counts(), smtp::Counts { attempts: 3, refused: 2 });
            assert_eq!(server.mails().len(), 1);
        },
    );
}

#[test]
fn a_mail_refused_for_good_is_given_up_and_others_go_on() {
    with_server(
        &smtp::Setup::new(Tls::StartTls),
        |_| {},
        async |app, server, sql| {
            server.refuse_to("ann@example.com", "550 5.1.1 no mailbox ann@example.com");
            put(sql, mail_to("ann@example.com")).await;
            let state = queue_is(app, "0 waiting, 1 given up").await;
            assert!(
                state.ends_with("(the last: mail.send: the mail server refused it for good: 550)"),
                "{state}"
            );
            put(sql, mail_to("ben@example.com")).await;
            server.mail_to("ben@example.com").await;
            queue_is(app, "0 waiting, 1 given up").await;
            assert_eq!(server.counts().attempts, 2, "what is refused for good is not tried again");
        },
    );
}

#[test]
fn a_mail_waits_through_a_restart() {
    with_server(
        &smtp::Setup::new(Tls::StartTls),
        |_| {},
        async |app, server, sql| {
            server.refuse_next(u32::MAX, "421 4.3.2 shutting down");
            put(sql, mail_to("ann@example.com")).await;
            failure(sql).await;
            app.stop().await;
            server.accept();
            assert!(server.mails().is_empty());
            app.start_again().await;
            server.mail_to("ann@example.com").await;
            queue_is(app, "0 waiting, 0 given up").await;
            assert_eq!(server.mails().len(), 1);
        },
    );
}

#[test]
fn a_mail_whose_answer_was_lost_comes_again_as_the_same() {
    with_server(
        &smtp::Setup::new(Tls::StartTls),
        |_| {},
        async |app, server, sql| {
            server.lose_answers(1);
            put(sql, mail_to("ann@example.com")).await;
            let mails = server.arrived(2).await;
            queue_is(app, "0 waiting, 0 given up").await;
            assert!(!mails[0].header("message-id").is_empty());
            assert_eq!(mails[0].header("message-id"), mails[1].header("message-id"));
        },
    );
}

#[test]
fn a_server_that_says_nothing_is_left_in_time() {
    let hasty = |config: &mut Config| config.mail.timeout_ms = 500;
    with_server(&smtp::Setup::new(Tls::None), hasty, async |_, server, sql| {
        server.hang();
        put(sql, mail_to("ann@example.com")).await;
        let reason = failure(sql).await;
        assert!(reason.contains("in time") || reason.contains("timed out"), "{reason}");
    });
}

#[test]
fn an_impostor_gets_nothing() {
    let unknown = |config: &mut Config| config.mail.smtp_ca_file = String::new();
    let keep = |_: &mut Config| {};
    for tls in [Tls::StartTls, Tls::Implicit] {
        let another = smtp::Setup::new(tls).certificate_for("mail.example.com");
        type Configure<'a> = &'a dyn Fn(&mut Config);
        let cases: [(smtp::Setup, Configure<'_>); 2] = [(another, &keep), (smtp::Setup::new(tls), &unknown)];
        for (setup, change) in cases {
            with_server(&setup, change, async |app, server, sql| {
                put(sql, mail_to("ann@example.com")).await;
                let reason = failure(sql).await;
                assert!(reason.contains("certificate"), "{reason}");
                let found = diagnosis(&app.config, "mail").await.unwrap_err();
                assert!(found.contains("certificate"), "{found}");
                assert_eq!(server.counts().attempts, 0);
            });
        }
    }
}

#[test]
fn a_server_without_tls_is_not_spoken_to_when_tls_is_asked_for() {
    let ask = |config: &mut Config| config.mail.smtp_security = "starttls".into();
    with_server(&smtp::Setup::new(Tls::None), ask, async |_, server, sql| {
        put(sql, mail_to("ann@example.com")).await;
        let reason = failure(sql).await;
        assert!(reason.contains("STARTTLS"), "{reason}");
        assert_eq!(server.counts().attempts, 0);
    });
}

#[test]
fn a_wrong_password_costs_no_mail() {
    let setup = smtp::Setup::new(Tls::StartTls).login("game", "right");
    let wrong = |config: &mut Config| {
        config.mail.smtp_user = "game".into();
        config.mail.smtp_password = "wrong".into();
    };
    with_server(&setup, wrong, async |app, _, sql| {
        put(sql, mail_to("ann@example.com")).await;
        let reason = failure(sql).await;
        assert!(reason.contains("refused the login: 535"), "{reason}");
        queue_is(app, "1 waiting, 0 given up").await;
        assert!(diagnosis(&app.config, "mail").await.unwrap_err().contains("mail.smtp_password"));
    });
}

#[test]
fn two_servers_of_one_database_send_each_mail_once() {
    const MAILS: usize = 40;
    let server = smtp::Setup::new(Tls::None).start();
    let configure = |config: &mut Config| use_server(config, &server);
    app::run(Engine::Postgres, configure, async |one| {
        let two = App::start(Engine::Sqlite, |config| {
            configure(config);
            config.database.url = one.config.database.url.clone();
        });
        let two = Box::pin(two).await;
        let sql = backend::open_sql(&one.config).await.unwrap();
        for number in 0..MAILS {
            put(&sql, mail_to(&format!("player{number}@example.com"))).await;
        }
        queue_is(one, "0 waiting, 0 given up").await;
        let mails = server.mails();
        let to: BTreeSet<&str> = mails.iter().map(|mail| mail.header("to")).collect();
        assert_eq!((mails.len(), to.len()), (MAILS, MAILS));
        sql.close().await;
        two.stop().await;
    });
}

#[test]
fn without_a_server_mails_are_files() {
    for engine in ENGINES {
        let configure = |config: &mut Config| config.jobs.poll_ms = POLL_MS;
        app::run(engine, configure, async |app| {
            let sql = backend::open_sql(&app.config).await.unwrap();
            put(&sql, mail_to("ann@example.com")).await;
            queue_is(app, "0 waiting, 0 given up").await;
            sql.close().await;
            let files = std::fs::read_dir(app.data().join("outbox")).unwrap();
            let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            let [file] = files.as_slice() else { panic!("{files:?}") };
            assert!(file.extension().is_some_and(|ending| ending == "eml"), "{file:?}");
            let text = std::fs::read_to_string(file).unwrap();
            assert!(text.contains("To: ann@example.com\r\n") && text.contains("ABCD-EFGH"), "{text}");
            assert!(diagnosis(&app.config, "mail").await.unwrap().contains("outbox"));
        });
    }
}
