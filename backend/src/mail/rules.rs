//! Decisions about mails: what a template may be given, and in which language it is written.

use super::config::{LINK_LEN_MAX, VALUE_CHARS_MAX};
use super::templates::Template;
use serde_json::{Map, Value};

/// Values that are text somebody chose.
const TEXTS: &[&str] = &["username", "provider", "device", "organization", "inviter", "role"];
/// Values that are counts.
const COUNTS: &[&str] = &["minutes", "days"];
/// Longest code.
const CODE_LEN_MAX: usize = 64;
const MS_PER_DAY: i64 = 24 * 3600 * 1000;

/// Everything a template can name: what was given, made harmless, and the rest empty.
pub(super) fn values(template: Template, given: &Value) -> Result<Map<String, Value>, String> {
    let empty = Map::new();
    let given = given.as_object().unwrap_or(&empty);
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    let known = |name: &str| {
        TEXTS.contains(&name)
            || COUNTS.contains(&name)
            || ["code", "link", "date_ms", "change"].contains(&name)
    };
    if let Some(unknown) = given.keys().find(|name| !known(name)) {
        return Err(format!("a mail has no value `{unknown}`"));
    }
    let (code, link) = (text("code"), text("link"));
    if !is_code(code) || !is_link(link) {
        return Err(format!("the code or the link of a {} mail cannot be used", template.name()));
    }
    if template.needs_code() && code.is_empty() && link.is_empty() {
        return Err(format!("a {} mail needs a code or a link", template.name()));
    }
    let mut values = Map::new();
    for name in TEXTS {
        values.insert((*name).into(), neutral(text(name)).into());
    }
    let count = |name: &str| given.get(name).and_then(Value::as_u64).unwrap_or_default();
    // From two hours on, minutes are hard to read.
    let (minutes, hours) = match count("minutes") {
        minutes if minutes >= 120 => (0, minutes / 60),
        minutes => (minutes, 0),
    };
    values.insert("minutes".into(), minutes.into());
    values.insert("hours".into(), hours.into());
    values.insert("days".into(), count("days").into());
    values.insert(
        "date".into(),
        given.get("date_ms").and_then(Value::as_i64).map_or(String::new(), date).into(),
    );
    values.insert("linked".into(), (text("change") == "linked").into());
    values.insert("unlinked".into(), (text("change") == "unlinked").into());
    values.insert("code".into(), code.into());
    values.insert("link".into(), link.into());
    let greeted = if template.greets_player() { neutral(text("username")) } else { String::new() };
    values.insert("greeted".into(), greeted.into());
    Ok(values)
}

fn is_code(code: &str) -> bool {
    code.len() <= CODE_LEN_MAX && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_link(link: &str) -> bool {
    let web = link.is_empty() || link.starts_with("https://") || link.starts_with("http://");
    web && link.len() <= LINK_LEN_MAX
        && link
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`'))
}

/// A name that no mail program makes a link of: letters, digits and a few signs. A full stop before a letter
/// becomes a dot that is none of a host's name.
fn neutral(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().take(VALUE_CHARS_MAX).peekable();
    while let Some(c) = chars.next() {
        let before_letter = chars.peek().is_some_and(|next| next.is_alphanumeric() && !next.is_ascii_digit());
        out.push(match c {
            '.' if before_letter => '\u{2024}',
            c if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\'') => c,
            _ => ' ',
        });
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as one line.
pub(super) fn one_line(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(VALUE_CHARS_MAX).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The day (UTC) as ISO 8601 writes it, which every language reads the same.
fn date(at_ms: i64) -> String {
    // Howard Hinnant's `civil_from_days`: years begin in March, eras have 400 years.
    let days = at_ms.div_euclid(MS_PER_DAY) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The language to write in: BCP 47 lookup (RFC 4647, 3.4), then any variety of the same language, then
/// English. `offered` holds lower-case tags.
pub(super) fn choose_locale<'a>(asked: &str, offered: &[&'a str]) -> &'a str {
    // Engines write `de_AT`.
    let asked = asked.replace('_', "-").to_ascii_lowercase();
    let mut range: Vec<&str> = asked.split('-').collect();
    while !range.is_empty() {
        let tag = range.join("-");
        if let Some(found) = offered.iter().find(|offered| **offered == tag) {
            return found;
        }
        range.pop();
        // A single letter begins an extension and says nothing by itself.
        if range.last().is_some_and(|part| part.len() == 1) {
            range.pop();
        }
    }
    let language = asked.split('-').next().unwrap_or_default();
    let kin = offered.iter().find(|offered| offered.split('-').next() == Some(language));
    kin.copied().unwrap_or("en")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn locales_are_looked_up() {
        let offered = ["de", "en", "fr", "pt-br", "zh-hant"];
        for (asked, expected) in [
            ("de-AT-1996", "de"),
            ("de_AT", "de"),
            ("DE", "de"),
            ("pt", "pt-br"),
            ("pt-PT", "pt-br"),
            ("pt_BR", "pt-br"),
            ("zh-Hant-TW", "zh-hant"),
            ("zh-Hant-x-private", "zh-hant"),
            ("it", "en"),
            ("", "en"),
            ("-", "en"),
            ("x", "en"),
        ] {
            assert_eq!(choose_locale(asked, &offered), expected, "{asked}");
        }
    }

    #[test]
    fn names_become_no_links() {
        assert_eq!(neutral("ann-lee_2.0"), "ann-lee_2.0");
        assert_eq!(neutral("evil.com"), "evil\u{2024}com");
        assert_eq!(neutral("https://evil.com/x?y"), "https evil\u{2024}com x y");
        assert_eq!(neutral("a\r\nBcc: b@c.de"), "a Bcc b c\u{2024}de");
        assert_eq!(neutral("<b>{{ code }}</b>"), "b code b");
        assert_eq!(neutral("Zoë 名前"), "Zoë 名前");
    }

    #[test]
    fn only_codes_and_links_of_their_form_pass() {
        let with = |values: Value| values_of(values);
        fn values_of(given: Value) -> Result<Map<String, Value>, String> {
            values(Template::VerifyEmail, &given)
        }
        assert!(with(json!({"code": "ABCD-1234", "link": "https://a.example/#code=1&x=y"})).is_ok());
        assert!(with(json!({"link": "http://127.0.0.1:1/"})).is_ok());
        for bad in [
            json!({}),
            json!({"code": "AB CD"}),
            json!({"code": "<b>"}),
            json!({"link": "javascript:alert(1)"}),
            json!({"link": "https://a.example/\nBcc: x"}),
            json!({"link": "https://a.example/\" onclick=\""}),
            json!({"code": "A", "surprise": 1}),
        ] {
            assert!(with(bad.clone()).is_err(), "{bad}");
        }
        assert!(values(Template::PasswordChanged, &json!({})).is_ok());
    }

    #[test]
    fn long_times_are_told_in_hours_and_days_as_dates() {
        let given = json!({"code": "A", "minutes": 1440, "date_ms": 951_782_400_000_i64});
        let found = values(Template::VerifyEmail, &given).unwrap();
        assert_eq!((&found["minutes"], &found["hours"]), (&json!(0), &json!(24)));
        assert_eq!(found["date"], "2000-02-29");
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(1_795_219_199_999), "2026-11-20");
    }

    proptest! {
        #[test]
        fn a_neutral_name_is_one_line_without_signs(text: String) {
            let neutral = neutral(&text);
            let harmless = !neutral.contains(['\r', '\n', '<', '>', '@', '/', ':', '{', '"']);
            prop_assert!(harmless);
            prop_assert!(neutral.chars().count() <= VALUE_CHARS_MAX);
        }

        #[test]
        fn any_locale_finds_one(asked: String) {
            prop_assert!(["de", "en"].contains(&choose_locale(&asked, &["de", "en"])));
        }
    }
}
