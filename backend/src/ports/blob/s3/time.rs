//! The spellings of time that S3 uses.

const DAY_S: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `20130524T000000Z`, of a signature.
pub(super) fn stamp(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(DAY_S));
    let of_day = seconds.rem_euclid(DAY_S);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// Milliseconds since 1970 of `2013-05-24T00:00:00.000Z`, of a listing; fractions are cut off.
pub(super) fn of_listing(text: &str) -> Option<i64> {
    let (date, time) = text.trim().strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let days = days(date.next()??, date.next()??, date.next()??)?;
    seconds_of(time.split('.').next()?).map(|of_day| (days * DAY_S + of_day) * 1000)
}

/// Milliseconds since 1970 of `Fri, 24 May 2013 00:00:00 GMT`, of a `Date` header.
pub(super) fn of_header(text: &str) -> Option<i64> {
    let mut parts = text.split_once(", ")?.1.split(' ');
    let day = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    let days = days(parts.next()?.parse().ok()?, month, day)?;
    seconds_of(parts.next()?).map(|of_day| (days * DAY_S + of_day) * 1000)
}

fn seconds_of(time: &str) -> Option<i64> {
    let mut parts = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    valid.then_some(hour * 3600 + minute * 60 + second)
}

/// Year, month and day of a day since 1970 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March, so that the leap day is their last; eras have 400 years of 146,097 days.
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day since 1970, by the same algorithm backwards.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2013-05-24T00:00:00Z.
    const MAY: i64 = 1_369_353_600_000;

    #[test]
    fn times_are_spelled_and_read() {
        assert_eq!(stamp(MAY), "20130524T000000Z");
        assert_eq!(stamp(MAY - 1), "20130523T235959Z");
        assert_eq!(of_listing("2013-05-24T00:00:00.000Z"), Some(MAY));
        assert_eq!(of_listing("2013-05-24T00:00:01Z"), Some(MAY + 1000));
        assert_eq!(of_header("Fri, 24 May 2013 00:00:00 GMT"), Some(MAY));
        for wrong in ["", "2013-05-24", "2013-13-24T00:00:00Z", "2013-05-24T24:00:00Z", "x-y-zTa:b:cZ"] {
            assert_eq!(of_listing(wrong), None, "{wrong}");
            assert_eq!(of_header(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_is_found_again() {
        for day in -1000..60_000 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), Some(day));
        }
    }
}
