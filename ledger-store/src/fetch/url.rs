//! Where a service is: `http` URLs and hosts, read strictly, because some of them come from strangers' certificates.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The port of `http` where none is given.
const HTTP_PORT: u16 = 80;
/// A URL; those of real services have fewer than 100 characters.
const URL_CHARACTERS_MAX: usize = 2048;
/// A host name (RFC 1035, 2.3.4).
const HOST_CHARACTERS_MAX: usize = 253;

/// Why a text is no host or URL of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Only plain `http` is spoken: what these services send is signed, and they offer nothing else.
    #[error("not an http URL")]
    Scheme,
    /// No host name, or not `name`, `name:port`, `address:port` or `[address]:port`.
    #[error("not a host")]
    Host,
    /// A user name or password in a URL is a trick or a leak.
    #[error("a URL with a user name")]
    Credentials,
    /// Longer than any real one, or characters that do not belong into a URL.
    #[error("a URL that is too long or has odd characters")]
    Characters,
}

/// A host and a port: what the allow-list has and what is connected to. Printed with its port always.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host {
    /// Lower-case name, or an address without brackets.
    name: String,
    port: u16,
}

impl Host {
    /// The name or address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Host {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (name, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']').ok_or(UrlError::Host)?;
            let address: Ipv6Addr = address.parse().map_err(|_| UrlError::Host)?;
            (address.to_string(), port)
        } else {
            let (name, port) = text.split_at_checked(text.find(':').unwrap_or(text.len())).ok_or(UrlError::Host)?;
            (host_name(name)?, port)
        };
        if port.is_empty() {
            return Ok(Self { name, port: HTTP_PORT });
        }
        let digits = port.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let port = digits.and_then(|digits| digits.parse().ok()).filter(|port| *port != 0).ok_or(UrlError::Host)?;
        Ok(Self { name, port })
    }
}

fn host_name(name: &str) -> Result<String, UrlError> {
    let fits = (1..=HOST_CHARACTERS_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if fits { Ok(name.to_ascii_lowercase()) } else { Err(UrlError::Host) }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// An `http` URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceUrl {
    host: Host,
    /// Path and query, as they stand in the request line.
    path: String,
}

impl ServiceUrl {
    /// Where to connect.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Path and query; begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for ServiceUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let odd =
            |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'#');
        if text.len() > URL_CHARACTERS_MAX || text.bytes().any(odd) {
            return Err(UrlError::Characters);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(UrlError::Scheme);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(UrlError::Host)?;
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { host: authority.parse()?, path: format!("{slash}{path}") })
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host, self.path)
    }
}

macro_rules! text_form {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = UrlError;

            fn try_from(text: String) -> Result<Self, UrlError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}
text_form!(Host, ServiceUrl);

/// Whether an address belongs to the public Internet. What a name resolves to is asked, not the name: a name that
/// anybody can register may point into the operator's own network (pki.md section 5, pitfall 18).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Everything but the special-purpose blocks of RFC 6890 and its registry.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || first == 0
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 192 && second == 88 && third == 99)
        || (first == 198 && (18..20).contains(&second))
        || first >= 224)
}

/// Global unicast only, and an address inside that wraps an IPv4 address is as public as that one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Mapped (::ffff:a.b.c.d), NAT64 (64:ff9b::a.b.c.d) and 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        // Teredo, benchmarking, ORCHID and other protocol assignments; documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_urls_are_read_strictly() {
        for (text, printed) in [
            ("http://ocsp.pki.gov.kz", "http://ocsp.pki.gov.kz:80/"),
            ("http://OCSP.pki.gov.kz/", "http://ocsp.pki.gov.kz:80/"),
            ("http://test.pki.gov.kz:8080/ocsp/?a=b", "http://test.pki.gov.kz:8080/ocsp/?a=b"),
            ("HTTP://host?x", "http://host:80/?x"),
            ("http://[::1]:8080/a", "http://[::1]:8080/a"),
            ("http://127.0.0.1:1/", "http://127.0.0.1:1/"),
        ] {
            assert_eq!(text.parse::<ServiceUrl>().unwrap().to_string(), printed);
        }
        for (text, error) in [
            ("https://ocsp.pki.gov.kz/", UrlError::Scheme),
            ("ldap://host/cn", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("host/path", UrlError::Scheme),
            ("http:///path", UrlError::Host),
            ("http://user@host/", UrlError::Credentials),
            ("http://allowed:80@evil/", UrlError::Credentials),
            ("http://host:0/", UrlError::Host),
            ("http://host:99999/", UrlError::Host),
            ("http://host:+80/", UrlError::Host),
            ("http://host:/", UrlError::Host),
            ("http://[::1/", UrlError::Host),
            ("http://::1/", UrlError::Host),
            ("http://ho st/", UrlError::Characters),
            ("http://host/\r\nX: y", UrlError::Characters),
            ("http://host\\@evil/", UrlError::Characters),
            ("http://host/#@evil", UrlError::Characters),
            ("http://хост/", UrlError::Characters),
            (" http://host/", UrlError::Characters),
            ("http://host/\n", UrlError::Characters),
            ("http://host/\0", UrlError::Characters),
            ("http://host#@evil/", UrlError::Characters),
            ("http://host%2eevil/", UrlError::Host),
            ("http://host%0d%0ax: y/", UrlError::Characters),
            ("http://[::ffff:127.0.0.1%251]/", UrlError::Host),
        ] {
            assert_eq!(text.parse::<ServiceUrl>(), Err(error), "{text}");
        }
        assert_eq!(format!("http://h/{}", "a".repeat(2100)).parse::<ServiceUrl>(), Err(UrlError::Characters));
        assert_eq!("crl.pki.gov.kz".parse::<Host>(), "CRL.pki.gov.kz:80".parse::<Host>());
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for (text, public) in [
            ("93.184.216.34", true),
            ("2606:4700::1111", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fc00::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:93.184.216.34", true),
            ("64:ff9b::a00:1", false),
            ("2002:7f00:1::", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }
}
