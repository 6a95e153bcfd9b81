//! Which addresses may be dialled. Pure: (rules, address) → allowed, or the reason why not.
//!
//! In: addresses from configurations, policies and the name service. Out: a refusal in words.
//! Never: a dial; who dials asks here with the very address that it connects to, so that a name
//! cannot change in between.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// Where clouds answer with the credentials of the machine, beside 169.254.169.254, which is
/// link-local: Alibaba Cloud, Oracle Cloud, Azure's wire server, and AWS by IPv6.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// What is not reachable from the public Internet (IANA's special-purpose registries), loopback
/// among it.
const PRIVATE: [&str; 15] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::1/128",
    "fc00::/7",
    "fec0::/10",
    "2001:db8::/32",
];

/// A network in CIDR notation, for example `10.2.0.0/16`; a bare address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                same_prefix(base.octets().as_slice(), address.octets().as_slice(), self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                same_prefix(base.octets().as_slice(), address.octets().as_slice(), self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn same_prefix(one: &[u8], other: &[u8], bits: u8) -> bool {
    let (whole, rest) = (usize::from(bits / 8), bits % 8);
    let mask = !(0xff_u16 >> rest).to_be_bytes()[1];
    one[..whole] == other[..whole]
        && (rest == 0 || one.get(whole).map(|byte| byte & mask) == other.get(whole).map(|byte| byte & mask))
}

impl FromStr for Network {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = || {
            let problem = format!("{text:?} is no network");
            Invalid::new("", problem, "write it as 10.2.0.0/16, 2001:db8::/32 or as one address")
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| wrong())?;
        if prefix > longest {
            return Err(wrong());
        }
        Ok(Self { base, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

/// The rules of one service: what may never be dialled, and what is private.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Private and loopback addresses are refused, too.
    pub deny_private: bool,
    /// Of those the networks that may be dialled all the same.
    pub allowed_networks: Vec<Network>,
}

impl Reach {
    /// Why this address is not dialled; nothing: it may be.
    pub fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        if let Some(never) = never(address) {
            return Some(never);
        }
        let plain = plain(address);
        let is_allowed = self.allowed_networks.iter().any(|network| network.contains(plain));
        (self.deny_private && is_private(plain) && !is_allowed).then_some("private addresses are denied here")
    }
}

/// Why no service dials such an address, whatever its configuration says.
pub fn never(address: IpAddr) -> Option<&'static str> {
    match plain(address) {
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("an unspecified address"),
        IpAddr::V4(v4) if v4.is_multicast() || v4.is_broadcast() => Some("a multicast address"),
        IpAddr::V4(v4) if v4.is_link_local() => Some("a link-local address"),
        IpAddr::V4(v4) if METADATA_V4.contains(&v4) => Some("a cloud's metadata service"),
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) if v6.is_unspecified() => Some("an unspecified address"),
        IpAddr::V6(v6) if v6.is_multicast() => Some("a multicast address"),
        IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80 => Some("a link-local address"),
        IpAddr::V6(v6) if v6 == METADATA_V6 => Some("a cloud's metadata service"),
        IpAddr::V6(_) => None,
    }
}

fn is_private(address: IpAddr) -> bool {
    let mut networks = PRIVATE.iter().filter_map(|text| text.parse::<Network>().ok());
    networks.any(|network| network.contains(address))
}

/// The IPv4 address that is reached by an IPv6 address which carries one: mapped and compatible
/// (RFC 4291 §2.5.5), NAT64 (RFC 6052), 6to4 (RFC 3056).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => of(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        [0x2002, high, low, ..] => of(high, low),
        _ => address,
    }
}

/// A list of addresses from a request, refused with the index of the first that may never be
/// dialled.
pub fn check(field: &str, addresses: impl IntoIterator<Item = IpAddr>, most: usize) -> Result<(), Invalid> {
    let addresses: Vec<IpAddr> = addresses.into_iter().collect();
    if addresses.len() > most {
        let problem = format!("{} are too many", addresses.len());
        return Err(Invalid::new(field, problem, format!("give at most {most}")));
    }
    for (index, address) in addresses.into_iter().enumerate() {
        if let Some(why) = never(address) {
            let problem = format!("{address} is {why}: it is never dialled");
            let remedy = "give the address at which the server answers its clients";
            return Err(Invalid::new(format!("{field}[{index}]"), problem, remedy));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    const NEVER: [&str; 19] = [
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "169.254.1.1",
        "224.0.0.1",
        "239.255.255.255",
        "255.255.255.255",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fe80::1",
        "febf::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ];
    const INSIDE: [&str; 12] = [
        "127.0.0.1",
        "127.9.9.9",
        "10.0.0.7",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "::1",
        "fd12::1",
        "::ffff:10.0.0.7",
        "64:ff9b::7f00:1",
        "2002:a00:1::1",
    ];
    const OUTSIDE: [&str; 6] = [
        "1.1.1.1",
        "172.32.0.1",
        "172.15.255.255",
        "2606:4700::1111",
        "192.0.1.1",
        "64:ff9b::101:101",
    ];

    #[test]
    fn some_addresses_are_never_dialled_whatever_the_configuration_says() {
        let open = Reach {
            deny_private: false,
            allowed_networks: vec!["0.0.0.0/0".parse().expect("all"), "::/0".parse().expect("all")],
        };
        for address in NEVER {
            assert!(open.refusal(ip(address)).is_some(), "{address}");
            assert!(never(ip(address)).is_some(), "{address}");
        }
        for address in INSIDE.iter().chain(&OUTSIDE) {
            assert_eq!(open.refusal(ip(address)), None, "{address}");
        }
    }

    #[test]
    fn private_addresses_are_denied_where_it_is_said_but_for_the_networks_that_are_named() {
        let closed = Reach {
            deny_private: true,
            allowed_networks: vec!["10.0.0.0/29".parse().expect("a network")],
        };
        for address in INSIDE {
            let is_named = matches!(address, "10.0.0.7" | "::ffff:10.0.0.7" | "2002:a00:1::1");
            assert_eq!(closed.refusal(ip(address)).is_none(), is_named, "{address}");
        }
        for address in OUTSIDE {
            assert_eq!(closed.refusal(ip(address)), None, "{address}");
        }
    }

    #[test]
    fn networks_are_read_and_written_alike() {
        for text in ["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "::1/128", "192.0.2.1/32"] {
            assert_eq!(text.parse::<Network>().expect(text).to_string(), text);
        }
        assert_eq!("192.0.2.1".parse::<Network>().expect("one").to_string(), "192.0.2.1/32");
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "host", "10.0.0.0/-1"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert!(PRIVATE.iter().all(|text| text.parse::<Network>().is_ok()));
    }

    #[test]
    fn a_list_is_refused_by_its_length_and_by_the_place_of_what_is_wrong() {
        let many = std::iter::repeat_n(ip("192.0.2.1"), 33);
        assert_eq!(check("addresses", many, 32).expect_err("too many").field, "addresses");
        let wrong = [ip("192.0.2.1"), ip("169.254.169.254")];
        assert_eq!(
            check("addresses", wrong, 32).expect_err("metadata").field,
            "addresses[1]"
        );
        assert_eq!(check("addresses", [ip("127.0.0.1")], 32), Ok(()));
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_judged_alike_however_it_is_written(bits in any::<u32>(), deny_private in any::<bool>()) {
            let v4 = Ipv4Addr::from(bits);
            let reach = Reach { deny_private, allowed_networks: Vec::new() };
            let judged = reach.refusal(v4.into());
            prop_assert_eq!(reach.refusal(v4.to_ipv6_mapped().into()), judged);
        }
    }
}
