//! What a rule demands besides a token: the method, the time, the client's address. It is judged on every request, whatever
//! was remembered or linked.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::UnixTime;

/// How an object is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Get,
    Head,
}

impl Method {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "GET" => Some(Self::Get),
            "HEAD" => Some(Self::Head),
            _ => None,
        }
    }
}

/// As they are written. What is left out demands nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Circumstances {
    pub methods: Option<Vec<Method>>,
    /// The first second.
    pub from: Option<UnixTime>,
    /// The first second after it.
    pub until: Option<UnixTime>,
    pub hours: Option<Hours>,
    /// Days of the week in UTC, Monday is 0.
    pub days: Option<Vec<u8>>,
    pub addresses: Option<Vec<Network>>,
}

/// Minutes of the day in UTC: from the first one until before the second one, over midnight where that is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    pub from: u16,
    pub until: u16,
}

/// Addresses that share their first bits (RFC 4632, RFC 4291 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The first demand that is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmet {
    Method,
    TooEarly,
    TooLate,
    Hours,
    Day,
    Address,
}

impl Circumstances {
    pub fn check(&self, method: Method, address: Option<IpAddr>, now: UnixTime) -> Result<(), Unmet> {
        let demand = |met: bool, unmet| if met { Ok(()) } else { Err(unmet) };
        demand(self.methods.as_ref().is_none_or(|methods| methods.contains(&method)), Unmet::Method)?;
        demand(self.from.is_none_or(|from| from <= now), Unmet::TooEarly)?;
        demand(self.until.is_none_or(|until| now < until), Unmet::TooLate)?;
        demand(self.days.as_ref().is_none_or(|days| days.contains(&weekday(now))), Unmet::Day)?;
        demand(self.hours.is_none_or(|hours| hours.hold(now)), Unmet::Hours)?;
        let in_networks = |networks: &Vec<Network>| {
            address.is_some_and(|address| networks.iter().any(|network| network.holds(address)))
        };
        demand(self.addresses.as_ref().is_none_or(in_networks), Unmet::Address)
    }

    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether no request can ever meet it.
    pub fn never(&self) -> bool {
        let nothing_between = match (self.from, self.until) {
            (Some(from), Some(until)) => until <= from,
            _ => false,
        };
        nothing_between
            || self.hours.is_some_and(|hours| hours.from == hours.until)
            || self.methods.as_ref().is_some_and(Vec::is_empty)
            || self.days.as_ref().is_some_and(Vec::is_empty)
            || self.addresses.as_ref().is_some_and(Vec::is_empty)
    }
}

impl Hours {
    fn hold(self, now: UnixTime) -> bool {
        let minute = now.0.rem_euclid(86_400) / 60;
        let (from, until) = (i64::from(self.from), i64::from(self.until));
        if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until }
    }
}

/// 1970-01-01 was a Thursday.
fn weekday(now: UnixTime) -> u8 {
    u8::try_from((now.0.div_euclid(86_400) + 3).rem_euclid(7)).unwrap_or_default()
}

impl Network {
    /// `10.0.0.0/8`, `2001:db8::/32`, or one address. `None` where it is neither, or has bits beyond its length.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => {
                let digits = bits.bytes().all(|byte| byte.is_ascii_digit()) && !bits.is_empty() && bits.len() <= 3;
                (address, digits.then(|| bits.parse::<u8>().ok()).flatten().map(Some)?)
            }
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        let network = Self { address, bits };
        (bits <= width && network.first_bits(address) == Some(Self::number(address))).then_some(network)
    }

    /// An IPv4 address that came as an IPv6 one (RFC 4291 section 2.5.5.2) is what it stands for.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.first_bits(address) == Some(Self::number(self.address))
    }

    fn number(address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        }
    }

    /// The address with all but the network's bits cleared.
    fn first_bits(&self, address: IpAddr) -> Option<u128> {
        let width = if address.is_ipv4() { 32_u32 } else { 128 };
        let cleared = width.checked_sub(u32::from(self.bits))?;
        let number = Self::number(address);
        Some(number.checked_shr(cleared).unwrap_or(0).checked_shl(cleared).unwrap_or(0))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("::1", "::1", "::2"),
        ] {
            let parsed = Network::parse(network).unwrap();
            assert!(parsed.holds(inside.parse().unwrap()), "{network} {inside}");
            assert!(!parsed.holds(outside.parse().unwrap()), "{network} {outside}");
        }
        for bad in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8", "a", "::1/64", "::/129"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn times() {
        // 2026-11-22 was a Sunday.
        let at = |clock: i64| UnixTime(1_795_305_600 + clock);
        let check = |circumstances: &Circumstances, now| circumstances.check(Method::Get, None, now);
        let day = Circumstances { hours: Some(Hours { from: 480, until: 1080 }), ..Circumstances::default() };
        assert_eq!(check(&day, at(8 * 3600)), Ok(()));
        assert_eq!(check(&day, at(8 * 3600 - 1)), Err(Unmet::Hours));
        assert_eq!(check(&day, at(18 * 3600)), Err(Unmet::Hours));
        let night = Circumstances { hours: Some(Hours { from: 1320, until: 360 }), ..Circumstances::default() };
        assert_eq!(check(&night, at(23 * 3600)), Ok(()));
        assert_eq!(check(&night, at(5 * 3600)), Ok(()));
        assert_eq!(check(&night, at(6 * 3600)), Err(Unmet::Hours));
        let sunday = Circumstances { days: Some(vec![6]), ..Circumstances::default() };
        assert_eq!(check(&sunday, at(0)), Ok(()));
        assert_eq!(check(&sunday, at(-1)), Err(Unmet::Day));
        assert_eq!(check(&sunday, at(86_400)), Err(Unmet::Day));
        let window = Circumstances { from: Some(at(0)), until: Some(at(10)), ..Circumstances::default() };
        assert_eq!(check(&window, at(-1)), Err(Unmet::TooEarly));
        assert_eq!(check(&window, at(0)), Ok(()));
        assert_eq!(check(&window, at(10)), Err(Unmet::TooLate));
        assert!(Circumstances { until: Some(at(0)), ..window }.never());
    }

    #[test]
    fn an_address_that_is_not_known_is_in_no_network() {
        let office =
            Circumstances { addresses: Some(vec![Network::parse("0.0.0.0/0").unwrap()]), ..Circumstances::default() };
        assert_eq!(office.check(Method::Get, None, UnixTime(0)), Err(Unmet::Address));
        assert_eq!(office.check(Method::Get, Some([1, 2, 3, 4].into()), UnixTime(0)), Ok(()));
        let head = Circumstances { methods: Some(vec![Method::Head]), ..Circumstances::default() };
        assert_eq!(head.check(Method::Get, None, UnixTime(0)), Err(Unmet::Method));
    }
}
