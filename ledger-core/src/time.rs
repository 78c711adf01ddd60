//! A point in time: UTC, milliseconds, one fixed form. There is no `now` here; time is an argument.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time in UTC with milliseconds, from 1970 to the end of 9999.
///
/// Printed as `YYYY-MM-DDThh:mm:ss.sssZ` (RFC 3339, always 24 bytes, never `:60`), which sorts as text
/// in the order of time; the fixed width lets the sequencer set `at` in an already encoded record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// 9999-12-31T23:59:59.999Z.
const LAST_MS: u64 = 253_402_300_799_999;
const DAY_MS: u64 = 86_400_000;

impl Timestamp {
    /// Length of the text form in bytes.
    pub const TEXT_LENGTH: usize = 24;

    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since 1970-01-01T00:00:00Z; `None` beyond the year 9999.
    pub const fn from_unix_ms(ms: u64) -> Option<Self> {
        if ms <= LAST_MS { Some(Self(ms)) } else { None }
    }

    /// From seconds since 1970-01-01T00:00:00Z; `None` beyond the year 9999.
    pub const fn from_unix_seconds(seconds: u64) -> Option<Self> {
        match seconds.checked_mul(1000) {
            Some(ms) => Self::from_unix_ms(ms),
            None => None,
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The time `ms` later, held at the last representable one.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        let sum = self.0.saturating_add(ms);
        Self(if sum > LAST_MS { LAST_MS } else { sum })
    }

    /// The time `ms` earlier, held at 1970.
    #[must_use]
    pub const fn minus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// The calendar year in a zone that is `offset_minutes` east of UTC (journals are kept per year).
    pub fn year_at_offset(self, offset_minutes: u16) -> u64 {
        civil_from_days(self.plus_ms(u64::from(offset_minutes) * 60_000).0 / DAY_MS).0
    }
}

/// Gregorian date of a day counted from 1970-01-01 (Howard Hinnant's era arithmetic, for days >= 0).
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year / 400;
    let year_of_era = shifted_year % 400;
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0 / DAY_MS);
        let ms = self.0 % DAY_MS;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a time of the form `YYYY-MM-DDThh:mm:ss.sssZ` between 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form YYYY-MM-DDThh:mm:ss.sssZ between 1970 and 9999")]
pub struct TimeError;

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bytes: &[u8; 24] = text.as_bytes().try_into().map_err(|_| TimeError)?;
        let [
            y1,
            y2,
            y3,
            y4,
            b'-',
            m1,
            m2,
            b'-',
            d1,
            d2,
            b'T',
            h1,
            h2,
            b':',
            n1,
            n2,
            b':',
            s1,
            s2,
            b'.',
            f1,
            f2,
            f3,
            b'Z',
        ] = *bytes
        else {
            return Err(TimeError);
        };
        let year = number(&[y1, y2, y3, y4])?;
        let month = number(&[m1, m2])?;
        let day = number(&[d1, d2])?;
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
        let fraction = number(&[f1, f2, f3])?;
        let ranges = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
        if !ranges || second >= 60 {
            return Err(TimeError);
        }
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) != (year, month, day) {
            return Err(TimeError);
        }
        Self::from_unix_ms(days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + fraction)
            .ok_or(TimeError)
    }
}

fn number(digits: &[u8]) -> Result<u64, TimeError> {
    digits.iter().try_fold(0, |sum, digit| match digit {
        b'0'..=b'9' => Ok(sum * 10 + u64::from(digit - b'0')),
        _ => Err(TimeError),
    })
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::digest::deserialize_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times_print_as_the_calendar_says() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (LAST_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_unix_ms(ms).unwrap().to_string(), text);
        }
        assert_eq!(Timestamp::from_unix_ms(LAST_MS + 1), None);
    }

    #[test]
    fn days_that_do_not_exist_and_leap_seconds_are_refused() {
        for text in [
            "2023-02-29T00:00:00.000Z",
            "2023-04-31T00:00:00.000Z",
            "2023-13-01T00:00:00.000Z",
            "2023-12-31T23:59:60.000Z",
            "2023-12-31T24:00:00.000Z",
            "1969-12-31T23:59:59.999Z",
            "2023-12-31T23:59:59Z",
            "2023-12-31t23:59:59.000z",
            "2023-12-31T23:59:59.000+00:00",
            "",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn a_journal_year_begins_at_local_midnight() {
        let eve: Timestamp = "2025-12-31T19:00:00.000Z".parse().unwrap();
        assert_eq!((eve.year_at_offset(0), eve.year_at_offset(300)), (2025, 2026));
    }

    proptest! {
        #[test]
        fn any_time_survives_printing(ms in 0..=LAST_MS) {
            let time = Timestamp::from_unix_ms(ms).unwrap();
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
