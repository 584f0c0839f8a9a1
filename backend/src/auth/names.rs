//! What a player may be called, so that nobody is taken for another.
//!
//! A username is letters and digits of one script (UTS 39, highly restrictive: Latin may stand beside Chinese,
//! Japanese or Korean), and `_ - .`. It is kept in NFKC. Two usernames are the same when they differ in case
//! ([`fold`]), and too much alike when they have the same [`skeleton`]; both are unique in a game. A display
//! name is free in its script, but hides and disturbs nothing: no controls, no change of direction, nothing
//! invisible, no towers of accents.

use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::auth::{DISPLAY_NAME_CHARS_MAX, USERNAME_CHARS_MAX, USERNAME_CHARS_MIN};
use std::collections::HashSet;
use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

/// Combining marks in a row: three are found in Hebrew and Tibetan words, more only in towers of them.
const MARKS_MAX: usize = 3;
/// Names of who speaks for the game or for the service; look-alikes count, and so does any punctuation.
const RESERVED: &[&str] = &[
    "admin",
    "administrator",
    "aethex",
    "aethexcloud",
    "anonymous",
    "bot",
    "console",
    "deleted",
    "developer",
    "everyone",
    "gamemaster",
    "helpdesk",
    "moderator",
    "mod",
    "nobody",
    "null",
    "official",
    "operator",
    "owner",
    "root",
    "security",
    "server",
    "service",
    "staff",
    "support",
    "sysadmin",
    "system",
    "undefined",
    "webmaster",
];

/// The username as it is kept, when it is one.
pub(super) fn clean_username(username: &str) -> Outcome<String> {
    let wrong = |why: &str| Err(Failure::new(ErrorCode::InvalidUsername, format!("The username {why}.")));
    // Normalising can join characters, at most a handful to one.
    if username.chars().count() > 4 * USERNAME_CHARS_MAX {
        return wrong("has 3 to 32 characters");
    }
    let name: String = username.nfkc().collect();
    if !(USERNAME_CHARS_MIN..=USERNAME_CHARS_MAX).contains(&name.chars().count()) {
        return wrong("has 3 to 32 characters");
    }
    if !name.starts_with(char::is_alphanumeric) || !name.chars().all(is_username_char) {
        return wrong("is made of letters, digits, and _ - . after the first");
    }
    if !name.check_restriction_level(RestrictionLevel::HighlyRestrictive) || mixes_digits(&name) {
        return wrong("mixes letters or digits of several scripts");
    }
    if marks_in_a_row(&name) > MARKS_MAX {
        return wrong("has too many accents on a letter");
    }
    if is_reserved(&name) {
        return wrong("is reserved: choose another");
    }
    Ok(name)
}

/// Letters, marks of letters and digits in common use today (UTS 39), and three signs.
fn is_username_char(c: char) -> bool {
    let of_words = c.is_alphanumeric() || is_combining_mark(c);
    matches!(c, '_' | '-' | '.') || (of_words && c.identifier_allowed())
}

/// Whether digits of several systems stand in one name (UTS 39 section 5.3). The ten of a system follow each
/// other and share all but the last hexadecimal digit of their numbers.
fn mixes_digits(name: &str) -> bool {
    let mut systems = name.chars().filter(|c| c.is_numeric()).map(|digit| u32::from(digit) >> 4);
    let first = systems.next();
    systems.any(|system| Some(system) != first)
}

fn marks_in_a_row(text: &str) -> usize {
    let (mut longest, mut now) = (0, 0);
    for c in text.chars() {
        now = if is_combining_mark(c) { now + 1 } else { 0 };
        longest = longest.max(now);
    }
    longest
}

fn is_reserved(name: &str) -> bool {
    static SKELETONS: OnceLock<HashSet<String>> = OnceLock::new();
    let bare = |name: &str| skeleton(name).replace(['_', '-', '.'], "");
    let skeletons = SKELETONS
        .get_or_init(|| RESERVED.iter().flat_map(|name| [bare(name), bare(&name.to_uppercase())]).collect());
    skeletons.contains(&bare(name)) || skeletons.contains(&bare(&fold(name)))
}

/// The form in which usernames are compared: NFKC, without regard to case. Upper case first, so that letters
/// with two lower-case forms (`σ` and `ς`) or none of one letter (`ß`, `SS`) meet.
pub(super) fn fold(name: &str) -> String {
    name.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

/// What a username looks like (UTS 39 section 4), in either case: the same for names that look alike. Twice,
/// for a capital may look like one letter (`I` like `l`) and its small form like others (`m` like `rn`).
pub(super) fn skeleton(name: &str) -> String {
    let once = |name: &str| fold(&unicode_security::skeleton(name).collect::<String>());
    once(&once(name))
}

/// A username made from an email; `suffix` tells it from one that is taken.
pub(super) fn username_from(email: &str, suffix: Option<u32>) -> String {
    const BASE_CHARS_MAX: usize = 20;
    let local = email.split('@').next().unwrap_or_default();
    let base = |fits: fn(char) -> bool| -> String {
        let chars = local.nfkc().filter(|c| fits(*c)).skip_while(|c| !c.is_alphanumeric());
        // What is left may join.
        chars.take(BASE_CHARS_MAX).nfkc().collect()
    };
    let named = base(is_username_char);
    let plain = base(|c| c.is_ascii() && is_username_char(c));
    let tries = [named, plain.clone(), format!("player{plain}")];
    let base = tries.into_iter().find(|name| clean_username(name).is_ok()).unwrap_or_else(|| "player".into());
    match suffix {
        None => base,
        // Its digits are ours: a name with digits of another script gives way.
        Some(number) => [base, plain, "player".into()]
            .into_iter()
            .map(|base| format!("{base}-{number:06}"))
            .find(|name| clean_username(name).is_ok())
            .unwrap_or_else(|| format!("player-{number:06}")),
    }
}

/// The display name as it is kept, when it is one.
pub(super) fn clean_display_name(name: &str) -> Outcome<String> {
    let wrong = |why: &str| Err(Failure::invalid(format!("`display_name` {why}.")));
    if name.chars().count() > DISPLAY_NAME_CHARS_MAX {
        return wrong("has at most 64 characters");
    }
    if name.chars().any(|c| c.is_control() || is_separator(c)) {
        return wrong("has no control characters and is one line");
    }
    if name.chars().any(is_directional) {
        return wrong("has no characters that change the direction of text");
    }
    if name.chars().any(|c| is_ignorable(c) && !joins(c)) {
        return wrong("has no invisible characters");
    }
    let name: String = name.trim().nfc().collect();
    if !name.chars().any(|c| !c.is_whitespace() && !is_ignorable(c) && !is_combining_mark(c) && !is_blank(c))
    {
        return wrong("needs a visible character");
    }
    if marks_in_a_row(&name) > MARKS_MAX {
        return wrong("has at most 3 accents on a letter");
    }
    Ok(name)
}

/// A name of elsewhere as a display name, when it can be one.
pub(super) fn shown_name(name: &str) -> Option<String> {
    let name: String = name.trim().chars().take(DISPLAY_NAME_CHARS_MAX).collect();
    clean_display_name(&name).ok()
}

fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Bidirectional controls (UAX 9).
fn is_directional(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Default ignorable code points (UAX 44): they are drawn as nothing.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Ignorable characters that words (Persian) and emoji need.
fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// Characters that have a width and nothing in it.
fn is_blank(c: char) -> bool {
    c == '\u{2800}'
}

/// Whether a text has the form of a BCP 47 language tag: a language of letters, then parts of up to eight
/// letters and digits. Whether such a language exists is not asked. An empty text is none.
pub(super) fn check_locale(locale: Option<&str>) -> Outcome<()> {
    let Some(locale) = locale.filter(|locale| !locale.is_empty()) else { return Ok(()) };
    let mut parts = locale.split('-');
    let language = parts.next().unwrap_or_default();
    let begins = matches!(language.len(), 2..=8) && language.bytes().all(|b| b.is_ascii_alphabetic());
    let goes_on =
        parts.all(|part| matches!(part.len(), 1..=8) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    // The last part says something: a single letter only introduces what follows.
    let ends = locale.rsplit('-').next().is_some_and(|last| last.len() > 1);
    if locale.len() <= aethex_wire::auth::LOCALE_LEN_MAX && begins && goes_on && ends {
        return Ok(());
    }
    Err(Failure::invalid("`locale` is a BCP 47 language tag, such as `de` or `pt-BR`."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alike(one: &str, other: &str) -> bool {
        skeleton(one) == skeleton(other)
    }

    #[test]
    fn usernames_of_any_one_script_are_taken() {
        for good in [
            "ann-lee_2.0",
            "Ännchen",
            "Łukasz",
            "Иван-Грозный",
            "Ελένη",
            "محمد",
            "משה123",
            "田中太郎",
            "さくら_サクラ",
            "김철수",
            "สมชาย",
            "अनिल",
            "Sakuraさくら",
            "Kim김",
            "Nguyễn",
            "٣٤٥علي",
        ] {
            assert_eq!(clean_username(good).ok(), Some(good.nfkc().collect()), "{good}");
        }
        // Other spellings of the same letters become one.
        assert_eq!(clean_username("ａｎｎ").unwrap(), "ann");
        assert_eq!(clean_username("A\u{308}nn").unwrap(), "Änn");
        assert_eq!(clean_username("ﬁne").unwrap(), "fine");
    }

    #[test]
    fn usernames_that_hide_or_mix_something_are_refused() {
        for bad in [
            "",
            "ab",
            "-ann",
            ".ann",
            "ann lee",
            "ann\0",
            "ann\n",
            "аnn",
            "Αnn",
            "ann\u{200b}",
            "ann\u{200d}a",
            "\u{202e}ann",
            "ann\u{2066}",
            "\u{301}\u{301}\u{301}",
            "\u{301}ann",
            "ann😀",
            "ann'",
            "ann:",
            "ann/lee",
            "ann@lee",
            "123٣٤٥",
            "٣٤٥۶",
            "q\u{302}\u{303}\u{304}\u{305}aa",
            "\u{3164}\u{3164}\u{3164}",
            "ᚠᚢᚦ",
            "ann\u{ad}",
            &"x".repeat(33),
            &"ﷺ".repeat(128),
            &"é".repeat(1000),
        ] {
            assert!(clean_username(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_speak_for_the_service_are_nobodys() {
        for bad in [
            "admin",
            "ADMIN",
            "Adm1n",
            "a.d.m.i.n",
            "admin_",
            "аdmin",
            "rnoderator",
            "АеТНех",
            "Root",
            "5ystem".replace('5', "S").as_str(),
        ] {
            assert!(clean_username(bad).is_err(), "{bad}");
        }
        for good in ["administration", "badmin", "admin7", "roots", "modest"] {
            assert!(clean_username(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for (one, other) in [
            ("paypal", "раураl"),
            ("paypal", "PAYPAL"),
            ("Iris", "lris"),
            ("mike", "rnike"),
            ("Mike", "RNike"),
            ("bob", "ВОВ"),
            ("l00k", "look"),
            ("1ook", "look"),
            ("ann", "ａｎｎ"),
            ("scope", "ѕсоре"),
            ("Οmega", "Omega"),
        ] {
            assert!(alike(one, other), "{one} {other}: {} {}", skeleton(one), skeleton(other));
        }
        for (one, other) in [("ann", "anna"), ("ann-1", "ann-2"), ("änn", "ann"), ("Иван", "Ivan")] {
            assert!(!alike(one, other), "{one} {other}");
        }
        assert_eq!(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
        assert_eq!(fold("STRASSE"), fold("Straße"));
        assert_eq!(fold("Ann"), "ann");
    }

    #[test]
    fn a_made_up_username_is_valid_whatever_the_email() {
        for (email, wanted) in [
            ("ann.lee@x.yz", "ann.lee"),
            ("вася@x.yz", "вася"),
            ("ü@x.yz", "player"),
            ("admin@x.yz", "playeradmin"),
            ("..@x.yz", "player"),
            ("аnn@x.yz", "playernn"),
            ("averyveryveryverylongname1234567890@x.yz", "averyveryveryverylon"),
        ] {
            assert_eq!(username_from(email, None), wanted);
            assert!(clean_username(&username_from(email, Some(999_999))).is_ok(), "{email}");
        }
    }

    #[test]
    fn display_names_are_free_but_hide_nothing() {
        for (good, kept) in [
            ("Ann Lee", "Ann Lee"),
            ("  Ann ", "Ann"),
            ("Ännchen 😀", "Ännchen 😀"),
            ("👩‍👩‍👧", "👩‍👩‍👧"),
            ("❤️", "❤️"),
            ("می‌خواهم", "می‌خواهم"),
            ("аnn", "аnn"),
            ("e\u{301}", "é"),
            ("שָׁלוֹם", "שָׁלוֹם"),
            ("!", "!"),
        ] {
            assert_eq!(clean_display_name(good).unwrap(), kept.nfc().collect::<String>());
        }
        let tower = format!("a{}", "\u{302}".repeat(5));
        for bad in [
            "",
            "   ",
            "\u{200b}",
            "ann\u{200b}",
            "\u{202e}nna",
            "ann\u{2067}",
            "\u{200f}ann",
            "ann\n",
            "ann\0",
            "ann\u{2028}",
            "\u{3164}",
            "\u{2800}\u{2800}",
            "\u{200d}",
            "\u{fe0f}",
            "\u{301}",
            &tower,
            "ann\u{e0041}",
            "ann\u{feff}",
            "ann\u{ad}",
            &"x".repeat(65),
        ] {
            assert!(clean_display_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn locales_have_the_form_of_a_tag() {
        for good in ["de", "pt-BR", "zh-Hant-TW", "de-CH-1996", "sr-Latn", "en-u-ca-buddhist", "haw"] {
            assert!(check_locale(Some(good)).is_ok(), "{good}");
        }
        for bad in [
            "d",
            "de_DE",
            "de-",
            "-de",
            "de--AT",
            "12",
            "de-x",
            "de\0",
            "dé",
            "x-klingon1234",
            &"de-".repeat(20),
        ] {
            assert!(check_locale(Some(bad)).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_email_gives_a_username_and_any_username_is_kept_as_it_is(local in "\\PC{1,40}", number in 0u32..1_000_000) {
            for suffix in [None, Some(number)] {
                let name = username_from(&format!("{local}@x.yz"), suffix);
                prop_assert_eq!(clean_username(&name).ok(), Some(name));
            }
            if let Ok(name) = clean_username(&local) {
                prop_assert_eq!(clean_username(&name).ok(), Some(name.clone()));
                prop_assert_eq!(fold(&fold(&name)), fold(&name));
                prop_assert_eq!(skeleton(&name), skeleton(&name.nfd().collect::<String>()));
            }
            if let Ok(name) = clean_display_name(&local) {
                prop_assert_eq!(clean_display_name(&name).ok(), Some(name));
            }
        }
    }
}
