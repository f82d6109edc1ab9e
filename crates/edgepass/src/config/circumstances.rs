//! What a row of `allow` demands besides a token: `methods`, `from`, `until`, `hours`, `days`, `addresses`.

use authorizer::{Circumstances, Hours, Method, Network, UnixTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::de::DeValue;

use super::faults::{Faults, Mistake};
use super::section::{Node, Section};

/// In the order of [`Circumstances::days`].
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What is not understood is reported.
pub fn read(section: &mut Section<'_>, faults: &mut Faults) -> Circumstances {
    let methods = section.get("methods");
    let days = section.get("days");
    let addresses = section.get("addresses");
    Circumstances {
        methods: methods.and_then(|node| node.parse_list("a list of \"GET\" and \"HEAD\"", faults, method)),
        from: section.get("from").and_then(|node| moment(node, faults)),
        until: section.get("until").and_then(|node| moment(node, faults)),
        hours: section.get("hours").and_then(|node| node.parse("hours such as \"08:00-18:00\"", faults, hours)),
        days: days.and_then(|node| node.parse_list("a list of days such as [\"mon\", \"tue\"]", faults, day)),
        addresses: addresses.and_then(|node| node.parse_list("a list such as [\"10.0.0.0/8\"]", faults, network)),
    }
}

fn method(text: &str) -> Result<Method, Mistake> {
    Method::parse(text).ok_or_else(|| {
        Mistake::new(format!("`{text}` is not a method that reads")).hint("objects are read with \"GET\" and \"HEAD\"")
    })
}

fn day(text: &str) -> Result<u8, Mistake> {
    let number = DAYS.iter().position(|day| *day == text).and_then(|number| u8::try_from(number).ok());
    number.ok_or_else(|| {
        Mistake::new(format!("`{text}` is not a day")).hint(format!("days are \"{}\"", DAYS.join("\", \"")))
    })
}

fn network(text: &str) -> Result<Network, Mistake> {
    Network::parse(text).ok_or_else(|| {
        Mistake::new(format!("`{text}` is not a range of addresses"))
            .hint("write \"192.0.2.0/24\", \"2001:db8::/32\" or one address, without bits behind the length")
    })
}

/// `08:00-18:00`, in UTC; over midnight where the end is the smaller.
fn hours(text: &str) -> Result<Hours, Mistake> {
    let minutes = |clock: &str| {
        let (hours, minutes) = clock.split_once(':')?;
        let number = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u16>().ok()).flatten();
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
    };
    let read =
        text.split_once('-').and_then(|(from, until)| Some(Hours { from: minutes(from)?, until: minutes(until)? }));
    read.ok_or_else(|| Mistake::new(format!("`{text}` are not hours")).hint("write \"08:00-18:00\"; the times are UTC"))
}

/// A TOML date and time with its offset, or the same as text (RFC 3339).
fn moment(node: Node<'_>, faults: &mut Faults) -> Option<UnixTime> {
    let wanted = "a time such as 2026-12-01T00:00:00Z";
    let text = match node.value {
        DeValue::Datetime(moment) => moment.to_string(),
        _ => node.text(wanted, faults)?.to_owned(),
    };
    let read = OffsetDateTime::parse(&text, &Rfc3339);
    let read =
        read.map_err(|_| Mistake::new(format!("`{text}` is not {wanted}")).hint("with its offset: `Z` or `+01:00`"));
    faults.keep(node.place, read).map(|time| UnixTime(time.unix_timestamp()))
}
