//! Decisions about privacy: ages, what is allowed, policies, times.

use super::config::{DAY_MS, POLICY_NAME_LEN_MAX, POLICY_URL_LEN_MAX};
use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::privacy::{AgeBand, AgeRequest, Consent, ParentState, Policy, Purpose};
use serde_json::Value;

/// Nobody is older: a year before is a typing error.
const AGE_MAX: i64 = 120;

/// Who gave a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Player,
    Parent,
}

impl By {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            By::Player => "player",
            By::Parent => "parent",
        }
    }
}

/// What decides whether a player may be served something that needs consent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) is_child: bool,
    pub(super) parent: ParentState,
    /// The newest record of each purpose.
    pub(super) consents: Vec<Consent>,
    /// Purposes whose newest record by a parent grants them.
    pub(super) by_parent: Vec<Purpose>,
}

/// Whether `purpose` is allowed, and if not, whose consent is missing.
pub(super) fn allowed(standing: &Standing, purpose: Purpose) -> Result<(), ErrorCode> {
    let parent = standing.parent == ParentState::Granted && standing.by_parent.contains(&purpose);
    if standing.is_child && !parent {
        return Err(ErrorCode::ParentRequired);
    }
    match standing.consents.iter().any(|consent| consent.purpose == purpose && consent.granted) {
        true => Ok(()),
        false => Err(ErrorCode::ConsentRequired),
    }
}

/// Whether a player counts as a child.
pub(super) fn is_child(band: AgeBand, unknown_is_child: bool) -> bool {
    match band {
        AgeBand::Child => true,
        AgeBand::Adult => false,
        AgeBand::Unknown => unknown_is_child,
    }
}

/// The band of an age. Where the month or the day is not known, the birthday of this year is still to come:
/// a player counts as a child for a few days too long, never for one too few.
pub(super) fn age_band(said: &AgeRequest, now_ms: i64, child_age: i64) -> Outcome<AgeBand> {
    let (year, month, _) = civil(now_ms.div_euclid(DAY_MS));
    if !(year - AGE_MAX..=year).contains(&said.birth_year) {
        return Err(Failure::invalid("`birth_year` is not a year in which a player can be born."));
    }
    if said.birth_month.is_some_and(|month| !(1..=12).contains(&month)) {
        return Err(Failure::invalid("`birth_month` is 1 to 12."));
    }
    if said.birth_year == year && said.birth_month.is_some_and(|born| born > month) {
        return Err(Failure::invalid("`birth_month` is still to come."));
    }
    let had_birthday = said.birth_month.is_some_and(|born| born < month);
    let age = year - said.birth_year - i64::from(!had_birthday);
    Ok(if age < child_age { AgeBand::Child } else { AgeBand::Adult })
}

pub(super) fn band_name(band: AgeBand) -> &'static str {
    match band {
        AgeBand::Unknown => "unknown",
        AgeBand::Child => "child",
        AgeBand::Adult => "adult",
    }
}

pub(super) fn band_of(name: &str) -> AgeBand {
    match name {
        "child" => AgeBand::Child,
        "adult" => AgeBand::Adult,
        _ => AgeBand::Unknown,
    }
}

pub(super) fn parent_name(parent: ParentState) -> &'static str {
    match parent {
        ParentState::None => "none",
        ParentState::Asked => "asked",
        ParentState::Granted => "granted",
        ParentState::Refused => "refused",
    }
}

pub(super) fn parent_of(name: &str) -> ParentState {
    match name {
        "asked" => ParentState::Asked,
        "granted" => ParentState::Granted,
        "refused" => ParentState::Refused,
        _ => ParentState::None,
    }
}

pub(super) fn purpose_of(name: &str) -> Option<Purpose> {
    Purpose::ALL.iter().copied().find(|purpose| purpose.as_str() == name)
}

/// A policy as it may be published.
pub(super) fn check_policy(policy: &Policy) -> Outcome<()> {
    let plain = |text: &str, more: &[u8]| {
        (1..=POLICY_NAME_LEN_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b) || more.contains(&b))
    };
    if !plain(&policy.policy, b"") {
        return Err(Failure::invalid("A policy's name is 1 to 64 letters, digits, `_` and `-`."));
    }
    if !plain(&policy.version, b".+:") {
        return Err(Failure::invalid("A policy's version is 1 to 64 letters, digits and `_-.+:`."));
    }
    let url = policy.url.as_str();
    let printable = url.bytes().all(|b| b.is_ascii_graphic());
    if !url.starts_with("https://") || url.len() > POLICY_URL_LEN_MAX || !printable {
        return Err(Failure::invalid("A policy's address begins with https:// and has at most 2048 bytes."));
    }
    Ok(())
}

/// Adds to every `…_at_ms` its ISO 8601 time: `created_at_ms` gets `created_at` beside it.
pub(super) fn with_iso(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut out = serde_json::Map::new();
            for (name, value) in fields {
                let time = name.strip_suffix("_ms").filter(|name| name.ends_with("_at")).zip(value.as_i64());
                let time = time.map(|(name, ms)| (name.to_owned(), Value::from(iso(ms))));
                out.insert(name, with_iso(value));
                out.extend(time);
            }
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(with_iso).collect()),
        value => value,
    }
}

/// A time as ISO 8601 (RFC 3339), in UTC.
pub(super) fn iso(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    let of_day = ms.rem_euclid(DAY_MS);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

/// Year, month and day of a day since 1970 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March, so that the leap day is their last; eras have 400 years of 146,097 days.
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// 2026-11-21T12:00:00Z.
    const NOW: i64 = 1_795_262_400_000;

    fn consent(purpose: Purpose, granted: bool, by: By) -> Consent {
        Consent { purpose, granted, by: by.as_str().to_owned(), at_ms: 1 }
    }

    #[test]
    fn times_are_written_as_everyone_reads_them() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(NOW), "2026-11-21T12:00:00.000Z");
        assert_eq!(iso(951_782_400_123), "2000-02-29T00:00:00.123Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59.999Z");
        let value = json!({ "a": [{ "made_at_ms": 0, "playtime_ms": 5, "ended_at_ms": null }] });
        let expected = json!({ "a": [{ "made_at_ms": 0, "made_at": "1970-01-01T00:00:00.000Z", "playtime_ms": 5, "ended_at_ms": null }] });
        assert_eq!(with_iso(value), expected);
    }

    #[test]
    fn an_age_in_doubt_is_the_lower_one() {
        let band = |birth_year, birth_month| age_band(&AgeRequest { birth_year, birth_month }, NOW, 13);
        assert_eq!(band(2013, Some(10)).unwrap(), AgeBand::Adult);
        assert_eq!(band(2013, Some(11)).unwrap(), AgeBand::Child, "the day is not known");
        assert_eq!(band(2013, Some(12)).unwrap(), AgeBand::Child);
        assert_eq!(band(2013, None).unwrap(), AgeBand::Child);
        assert_eq!(band(2012, None).unwrap(), AgeBand::Adult);
        assert_eq!(band(2026, Some(1)).unwrap(), AgeBand::Child);
        for (year, month) in [(2027, None), (1905, None), (2000, Some(0)), (2000, Some(13)), (2026, Some(12))]
        {
            assert!(band(year, month).is_err(), "{year} {month:?}");
        }
        assert!(band(i64::MIN, None).is_err() && band(i64::MAX, Some(i64::MAX)).is_err());
    }

    #[test]
    fn nothing_is_allowed_without_consent() {
        for &purpose in Purpose::ALL {
            let mut standing = Standing::default();
            assert_eq!(allowed(&standing, purpose), Err(ErrorCode::ConsentRequired));
            standing.consents = vec![consent(purpose, true, By::Player)];
            assert_eq!(allowed(&standing, purpose), Ok(()));
            standing.consents = vec![consent(purpose, false, By::Player)];
            assert_eq!(allowed(&standing, purpose), Err(ErrorCode::ConsentRequired));
        }
    }

    #[test]
    fn a_child_needs_a_parent_whatever_it_says_itself() {
        let voice = Purpose::Voice;
        let said = vec![consent(voice, true, By::Player)];
        for parent in [ParentState::None, ParentState::Asked, ParentState::Refused] {
            let by_parent = vec![voice];
            let standing = Standing { is_child: true, parent, consents: said.clone(), by_parent };
            assert_eq!(allowed(&standing, voice), Err(ErrorCode::ParentRequired), "{parent:?}");
        }
        let parent = ParentState::Granted;
        let mut standing = Standing { is_child: true, parent, consents: said, by_parent: vec![] };
        assert_eq!(allowed(&standing, voice), Err(ErrorCode::ParentRequired));
        standing.by_parent = vec![voice];
        assert_eq!(allowed(&standing, voice), Ok(()));
        assert_eq!(allowed(&standing, Purpose::Analytics), Err(ErrorCode::ParentRequired));
        standing.consents = vec![consent(voice, false, By::Player)];
        assert_eq!(allowed(&standing, voice), Err(ErrorCode::ConsentRequired), "a child may say no");
    }

    #[test]
    fn policies_have_plain_names_and_safe_addresses() {
        let policy = |policy: &str, version: &str, url: &str| Policy {
            policy: policy.to_owned(),
            version: version.to_owned(),
            url: url.to_owned(),
            required: true,
            published_at_ms: 0,
        };
        check_policy(&policy("terms", "2026-11.1", "https://example.com/terms?v=1")).unwrap();
        for (name, version, url) in [
            ("", "1", "https://example.com"),
            ("ter ms", "1", "https://example.com"),
            ("terms", "", "https://example.com"),
            ("terms", "1\n", "https://example.com"),
            ("terms", "1", "javascript:alert(1)"),
            ("terms", "1", "http://example.com"),
            ("terms", "1", "https://example.com/\u{1b}[31m"),
        ] {
            assert!(check_policy(&policy(name, version, url)).is_err(), "{name} {version} {url}");
        }
    }
}
