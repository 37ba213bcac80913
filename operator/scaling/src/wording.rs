//! How numbers read in sentences for people: `1,204`, `243 ms`, `3.1 s`, `12 min`.

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A count with thousands separators: `1,204`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 record`, `1,204 records`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A length of time with two or three digits: `243 ms`, `3.1 s`, `45 s`, `12 min`, `3.5 h`.
pub fn length(length: Duration) -> String {
    let seconds = length.as_secs_f64();
    match seconds {
        0.0 => "0 s".to_owned(),
        s if s < 0.9995 => format!("{} ms", digits(s * 1e3)),
        s if s < 119.5 => format!("{} s", digits(s)),
        s if s < 7_170.0 => format!("{} min", digits(s / 60.0)),
        s => format!("{} h", digits(s / 3_600.0)),
    }
}

/// A rate: `33/s`, `0.5/s`.
pub fn per_second(rate: f64) -> String {
    if rate >= 1_000.0 { format!("{}/s", count(rate.round() as u64)) } else { format!("{}/s", digits(rate)) }
}

/// One decimal below ten unless it is a zero, none above.
fn digits(value: f64) -> String {
    let text = if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// An instant as people in `zone` say it: `08:00 Asia/Shanghai` today, `Sat 08:00 Asia/Shanghai`
/// within a week, else with its date. Seconds appear when there are any.
pub fn moment(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    struct Moment(Zoned, Zoned);
    impl fmt::Display for Moment {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let Self(at, now) = self;
            let days = at.date().duration_since(now.date()).as_hours() / 24;
            match days {
                0 => Ok(()),
                -6..=6 => write!(f, "{} ", at.strftime("%a")),
                _ => write!(f, "{} ", at.strftime("%F")),
            }?;
            let clock = if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
            write!(f, "{} ", at.strftime(clock))?;
            // A time that was written with an offset has no zone by name.
            match at.time_zone().iana_name() {
                Some(name) => f.write_str(name),
                None => write!(f, "{}", at.strftime("%:z")),
            }
        }
    }
    Moment(at.to_zoned(zone.clone()), now.to_zoned(zone.clone())).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn counts_lengths_and_rates_read_well() {
        let counts = [(0, "0"), (999, "999"), (1_204, "1,204"), (2_000_000, "2,000,000")];
        for (n, text) in counts {
            assert_eq!(count(n), text);
        }
        let lengths = [
            (0, "0 s"),
            (500, "500 ms"),
            (243, "243 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (3_100, "3.1 s"),
            (9_960, "10 s"),
            (45_000, "45 s"),
            (119_400, "119 s"),
            (120_000, "2 min"),
            (5_400_000, "90 min"),
            (12_600_000, "3.5 h"),
        ];
        for (millis, text) in lengths {
            assert_eq!(length(Duration::from_millis(millis)), text);
        }
        for (rate, text) in [(0.5, "0.5/s"), (32.92, "33/s"), (20_000.0, "20,000/s")] {
            assert_eq!(per_second(rate), text);
        }
        assert_eq!(counted(1, "record"), "1 record");
    }

    #[test]
    fn moments_name_the_day_only_when_it_is_another() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let now: Timestamp = "2026-11-21T06:30:00+08:00".parse().unwrap();
        for (at, text) in [
            ("2026-11-21T08:00:00+08:00", "08:00 Asia/Shanghai"),
            ("2026-11-21T08:00:05+08:00", "08:00:05 Asia/Shanghai"),
            ("2026-11-22T06:00:00+08:00", "Sun 06:00 Asia/Shanghai"),
            ("2026-12-05T06:00:00+08:00", "2026-12-05 06:00 Asia/Shanghai"),
        ] {
            assert_eq!(moment(at.parse().unwrap(), now, &zone), text);
        }
        let offset = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(moment("2026-11-21T08:00:00+08:00".parse().unwrap(), now, &offset), "08:00 +08:00");
        assert_eq!(moment("2026-11-20T23:00:00Z".parse().unwrap(), now, &TimeZone::UTC), "23:00 UTC");
    }
}
