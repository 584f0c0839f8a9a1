//! Every template in every language, and those of an operator.

use super::*;
use tempfile::TempDir;

fn values(template: Template, given: Value) -> Map<String, Value> {
    let mut values = rules::values(template, &given).unwrap();
    values.insert("game".into(), "A & B".into());
    values.insert("product".into(), "Studio".into());
    values
}

fn given(code: &str, link: &str) -> Value {
    json!({
        "username": "<ann>", "code": code, "link": link, "minutes": 30, "days": 7, "date_ms": 0, "provider": "Example",
        "device": "PC", "organization": "Org", "inviter": "Ben", "role": "Admin", "change": "unlinked",
    })
}

#[test]
fn every_template_is_whole_in_every_language() {
    let templates = Templates::default();
    let link = "https://a.example/?a=1&b=2";
    for template in Template::ALL {
        let locales = templates.locales(*template);
        assert_eq!(locales, ["de", "en", "es", "fr", "ja", "pt-br"]);
        for locale in locales {
            let what = format!("{locale}/{}", template.name());
            let all =
                templates.render(*template, locale, &values(*template, given("ABCD-EFGH", link))).unwrap();
            let few = templates.render(*template, locale, &values(*template, json!({"code": "X"}))).unwrap();
            for rendered in [&all, &few] {
                for part in [&rendered.subject, &rendered.text, &rendered.html] {
                    let leftover = ["{{", "{%", "}}", "none", "undefined", "  \n"];
                    assert!(!leftover.iter().any(|word| part.contains(word)), "{what}: {part}");
                    assert!(!part.contains("\n\n\n"), "{what}: {part}");
                }
                assert!(!rendered.subject.contains('\n') && rendered.subject.len() > 10, "{what}");
                assert!(rendered.text.ends_with("Studio\n"), "{what}: {}", rendered.text);
                assert!(!rendered.text.contains("<p>") && rendered.html.contains("<p>"), "{what}");
                assert!(!rendered.html.contains("<ann>"), "{what}");
            }
            if template.needs_code() {
                assert!(all.text.contains("\n\nABCD-EFGH\n\n"), "{what}: {}", all.text);
                assert!(all.text.contains(&format!("\n\n{link}\n\n")), "{what}: {}", all.text);
                assert!(all.html.contains("<strong>ABCD-EFGH</strong>"), "{what}");
                assert!(all.html.contains("a=1&amp;b=2"), "{what}: {}", all.html);
            }
        }
    }
}

#[test]
fn languages_differ_and_english_is_the_last_resort() {
    let templates = Templates::default();
    let given = values(Template::VerifyEmail, json!({"username": "ann", "code": "A"}));
    let text = |locale: &str| templates.render(Template::VerifyEmail, locale, &given).unwrap().text;
    assert!(text("de-AT").starts_with("Hallo ann,"));
    assert!(text("pt-BR").starts_with("Olá, ann!"));
    assert!(text("ja_JP").starts_with("ann 様"));
    for unknown in ["", "tlh", "../../etc"] {
        assert!(text(unknown).starts_with("Hello ann,"), "{unknown}");
    }
}

#[test]
fn times_and_the_kind_of_a_change_are_told() {
    let templates = Templates::default();
    let text =
        |template, given: Value| templates.render(template, "en", &values(template, given)).unwrap().text;
    let with = |minutes: u32| text(Template::VerifyEmail, json!({"code": "A", "minutes": minutes}));
    assert!(with(30).contains("valid for 30 minutes"));
    assert!(with(1440).contains("valid for 24 hours"));
    assert!(!with(0).contains("valid for"));
    let changed =
        |change: &str| text(Template::NewLoginMethod, json!({"provider": "Example", "change": change}));
    assert!(changed("linked").contains("can also log in"));
    assert!(changed("unlinked").contains("can no longer log in"));
    assert!(changed("").contains("ways to log in"));
}

/// An operator's folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn an_operators_templates_win() {
    let folder = folder(&[
        ("de/verify_email.txt", "Subject: Moin von {{ game }}\r\n\r\nDein Code:\r\n\r\n{{ code }}\r\n"),
        ("it/frame.txt", "Ciao\n\n{{ body }}"),
        ("it/verify_email.txt", "Subject: Codice\n\n{{ code }}"),
        ("it/verify_email.html", "<b>{{ game }}</b>{% for p in paragraphs %}<i>{{ p }}</i>{% endfor %}"),
        ("layout.html", "<body>{{ paragraphs|join('|') }}</body>"),
        ("README.md", "ours"),
    ]);
    let templates = Templates::open(folder.path()).unwrap();
    let given = values(Template::VerifyEmail, json!({"code": "A-B"}));
    let german = templates.render(Template::VerifyEmail, "de-CH", &given).unwrap();
    assert_eq!(german.subject, "Moin von A & B");
    assert_eq!(german.text, "Hallo,\n\nDein Code:\n\nA-B\n\nStudio\n");
    assert_eq!(german.html, "<body>Hallo,|Dein Code:|A-B|Studio</body>");
    let italian = templates.render(Template::VerifyEmail, "it", &given).unwrap();
    assert_eq!(italian.text, "Ciao\n\nA-B\n");
    assert_eq!(italian.html, "<b>A &amp; B</b><i>Ciao</i><i>A-B</i>");
    // What is not there in Italian comes in English.
    let given = values(Template::PasswordChanged, json!({}));
    assert!(templates.render(Template::PasswordChanged, "it", &given).unwrap().text.starts_with("Hello,"));
}

#[test]
fn a_broken_template_is_refused_by_name() {
    for (files, expected) in [
        (&[("de/verify_email.txt", "Subject: {{ game\n\n")][..], "de/verify_email.txt"),
        (&[("de/verify_email.txt", "Subject: {{ gmae }}\n\n")], "de/verify_email.txt"),
        (&[("de/verify_email.txt", "Betreff: x\n\n")], "de/verify_email.txt does not begin with"),
        (&[("de/verify_mail.txt", "Subject: x\n\n")], "verify_mail.txt: there is no template"),
        (&[("it/verify_email.txt", "Subject: x\n\n")], "it/frame.txt is missing"),
        (&[("layout.html", "{% for %}")], "layout.html"),
        (&[("fr/reset_password.html", "{{ nothing }}")], "fr/reset_password.html"),
    ] {
        let error = Templates::open(folder(files).path()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Templates::open(Path::new("/nowhere/at/all")).is_err());
    let large = "x".repeat(TEMPLATE_LEN_MAX as usize + 1);
    assert!(Templates::open(folder(&[("de/frame.txt", &large)]).path()).unwrap_err().contains("larger"));
}
