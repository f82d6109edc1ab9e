//! Durations and sizes: a whole number and a unit.

use std::time::Duration;

use super::faults::Mistake;

const SECONDS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

const BYTES: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];

/// `30s`, `5m`, `24h`, `7d`.
pub fn duration(text: &str) -> Result<Duration, Mistake> {
    read(text, &SECONDS).map(Duration::from_secs).ok_or_else(|| {
        Mistake::new(format!("`{text}` is not a duration"))
            .hint("write a whole number and s, m, h or d: \"30s\", \"24h\"")
    })
}

/// `512 B`, `256 MiB`, `5 GB`.
pub fn size(text: &str) -> Result<u64, Mistake> {
    read(text, &BYTES).ok_or_else(|| {
        Mistake::new(format!("`{text}` is not a size"))
            .hint("write a whole number and B, KB, KiB, MB, MiB, GB, GiB, TB or TiB: \"256 MiB\"")
    })
}

/// As the authorizer counts them.
pub fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start_matches(' '))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("24h", 86_400), ("7d", 604_800), ("0s", 0), ("5 m", 300)] {
            assert_eq!(duration(text).unwrap().as_secs(), seconds, "{text}");
        }
        for bad in
            ["", "5", "m", "-5m", "1.5h", "1h30m", "5 min", "99999999999999999999s", "18446744073709551615d", "5M"]
        {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("0 B", 0), ("256 MiB", 268_435_456), ("5GB", 5_000_000_000), ("1 TiB", 1 << 40)] {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for bad in ["", "5", "5 gb", "5 G", "1.5 GiB", "-1 B", "99999999999 TiB", "0x10 B"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
