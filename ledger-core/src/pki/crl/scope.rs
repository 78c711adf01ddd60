//! What a CRL speaks about (issuingDistributionPoint, RFC 5280 5.2.5), and whether a certificate is within it
//! (RFC 5280 6.3.3 b).

use const_oid::ObjectIdentifier;

use crate::pki::asn1::name::Name;
use crate::pki::asn1::{Asn1Error, Reader, Tlv, encode, tag};
use crate::pki::certificate::Certificate;

const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
/// Distribution points of a certificate, and names of one of them; real ones have up to four.
const POINTS_MAX: usize = 64;

/// Reasons for revocation, as the bits of `ReasonFlags` (RFC 5280 4.2.1.13); bit 0 (unused) left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reasons(u16);

impl Reasons {
    /// keyCompromise to aACompromise.
    pub(crate) const ALL: Self = Self(0x7f80);
    pub(crate) const NONE: Self = Self(0);
    const HOLD: u16 = 0x8000 >> 6;

    fn parse(tlv: Tlv<'_>) -> Result<Self, Asn1Error> {
        match tlv.value {
            [0..=7] => Ok(Self::NONE),
            [0..=7, high] => Ok(Self(u16::from_be_bytes([*high, 0]) & Self::ALL.0)),
            [0..=7, high, low] => Ok(Self(u16::from_be_bytes([*high, *low]) & Self::ALL.0)),
            _ => Err(Asn1Error::Value { what: "reasons" }),
        }
    }

    #[cfg(test)]
    pub(crate) const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a hold would be told.
    pub(crate) const fn has_hold(self) -> bool {
        self.0 & Self::HOLD != 0
    }
}

/// The scope of one CRL.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    names: Vec<PointName>,
    kind: Kind,
    reasons: Reasons,
    pub(super) indirect: bool,
    /// The extension as it stands: a delta has the scope of its base when these are the same.
    raw: Vec<u8>,
}

/// Which certificates a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    Users,
    Authorities,
    Attributes,
}

/// Everything the issuer revokes.
impl Default for Scope {
    fn default() -> Self {
        Self { names: Vec::new(), kind: Kind::All, reasons: Reasons::ALL, indirect: false, raw: Vec::new() }
    }
}

/// Same bytes of the extension (RFC 5280 5.2.4 b).
impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Scope {}

/// Whether a CRL speaks about a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Of another issuer, and the certificate does not name that one for its lists.
    Foreign,
    /// Of the right issuer, about other certificates.
    OutOfScope,
    /// It would list the certificate, were it revoked for one of these reasons.
    Covered(Reasons),
}

/// One name of a distribution point. Directory names compare as names, all others byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PointName {
    Directory(Name),
    Other(Vec<u8>),
}

/// One distribution point of a certificate.
#[derive(Debug)]
struct Point {
    names: Vec<PointName>,
    reasons: Reasons,
    crl_issuers: Vec<Name>,
}

impl Scope {
    pub(super) fn parse(value: &[u8], crl_issuer: &Name) -> Result<Self, Asn1Error> {
        let mut reader = Tlv::only(value)?.expect(tag::SEQUENCE, "issuingDistributionPoint")?.reader();
        let names = match reader.optional(tag::context_constructed(0))? {
            Some(point) => point_names(point, crl_issuer)?,
            None => Vec::new(),
        };
        let only_users = flag(&mut reader, 1)?;
        let only_authorities = flag(&mut reader, 2)?;
        let reasons = match reader.optional(tag::context(3))? {
            Some(bits) => Reasons::parse(bits)?,
            None => Reasons::ALL,
        };
        let indirect = flag(&mut reader, 4)?;
        let only_attributes = flag(&mut reader, 5)?;
        reader.finish()?;
        // RFC 5280 5.2.5: at most one of them.
        let kind = match (only_users, only_authorities, only_attributes) {
            (false, false, false) => Kind::All,
            (true, false, false) => Kind::Users,
            (false, true, false) => Kind::Authorities,
            (false, false, true) => Kind::Attributes,
            _ => return Err(Asn1Error::Value { what: "issuingDistributionPoint" }),
        };
        Ok(Self { names, kind, reasons, indirect, raw: value.to_vec() })
    }

    /// RFC 5280 6.3.3 (b) and (d), over all distribution points of the certificate; one without any has the point
    /// that is its issuer.
    pub(super) fn coverage(&self, crl_issuer: &Name, certificate: &Certificate) -> Coverage {
        // A certificate with unreadable distribution points is in no list's scope.
        let points = points(certificate).unwrap_or_default();
        let own = crl_issuer == certificate.issuer();
        let named = points.iter().any(|point| point.crl_issuers.contains(crl_issuer));
        if !own && !named {
            return Coverage::Foreign;
        }
        let right_kind = match self.kind {
            Kind::All => true,
            Kind::Users => !certificate.is_ca(),
            Kind::Authorities => certificate.is_ca(),
            Kind::Attributes => false,
        };
        if !right_kind {
            return Coverage::OutOfScope;
        }
        let whole = Point {
            names: vec![PointName::Directory(certificate.issuer().clone())],
            reasons: Reasons::ALL,
            crl_issuers: Vec::new(),
        };
        let reasons = points
            .iter()
            .chain([&whole])
            .filter(|point| self.fits(point, crl_issuer, own))
            .fold(Reasons::NONE, |sum, point| sum.or(self.reasons.and(point.reasons)));
        if reasons == Reasons::NONE { Coverage::OutOfScope } else { Coverage::Covered(reasons) }
    }

    fn fits(&self, point: &Point, crl_issuer: &Name, own: bool) -> bool {
        let issuer_fits =
            if point.crl_issuers.is_empty() { own } else { self.indirect && point.crl_issuers.contains(crl_issuer) };
        let name_fits = if self.names.is_empty() {
            true
        } else if point.names.is_empty() {
            point.crl_issuers.iter().any(|name| self.names.contains(&PointName::Directory(name.clone())))
        } else {
            self.names.iter().any(|name| point.names.contains(name))
        };
        issuer_fits && name_fits
    }
}

fn flag(reader: &mut Reader<'_>, number: u8) -> Result<bool, Asn1Error> {
    match reader.optional(tag::context(number))?.map(|tlv| tlv.value) {
        None | Some([0]) => Ok(false),
        Some([0xff]) => Ok(true),
        Some(_) => Err(Asn1Error::Value { what: "boolean" }),
    }
}

/// A `DistributionPointName`: full names, or one relative to the issuer of the CRL.
fn point_names(point: Tlv<'_>, issuer: &Name) -> Result<Vec<PointName>, Asn1Error> {
    let name = Tlv::only(point.value)?;
    if name.tag == tag::context_constructed(1) {
        let above = Tlv::only(issuer.der())?.value;
        let whole = encode::element(tag::SEQUENCE, &[above, &encode::element(tag::SET, &[name.value])]);
        return Ok(vec![PointName::Directory(Name::parse(Tlv::only(&whole)?)?)]);
    }
    general_names(name.expect(tag::context_constructed(0), "full name")?)
}

fn general_names(list: Tlv<'_>) -> Result<Vec<PointName>, Asn1Error> {
    let mut names = Vec::new();
    let mut reader = list.reader();
    while !reader.is_empty() {
        if names.len() == POINTS_MAX {
            return Err(Asn1Error::Limit { what: "names of a distribution point", max: POINTS_MAX });
        }
        let name = reader.any()?;
        names.push(match name.tag {
            DIRECTORY_NAME => PointName::Directory(Name::parse(Tlv::only(name.value)?)?),
            _ => PointName::Other(name.raw.to_vec()),
        });
    }
    Ok(names)
}

const DIRECTORY_NAME: u8 = tag::context_constructed(4);

/// The directory names among `GeneralNames`.
pub(super) fn directory_names(list: Tlv<'_>) -> Result<Vec<Name>, Asn1Error> {
    let directory = |name| match name {
        PointName::Directory(name) => Some(name),
        PointName::Other(_) => None,
    };
    Ok(general_names(list)?.into_iter().filter_map(directory).collect())
}

/// Every distribution point of a certificate.
fn points(certificate: &Certificate) -> Result<Vec<Point>, Asn1Error> {
    let Some(extension) = certificate.extension(&CRL_DISTRIBUTION_POINTS) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    let mut reader = Tlv::only(&extension.value)?.expect(tag::SEQUENCE, "cRLDistributionPoints")?.reader();
    while !reader.is_empty() {
        if all.len() == POINTS_MAX {
            return Err(Asn1Error::Limit { what: "distribution points", max: POINTS_MAX });
        }
        let mut fields = reader.take(tag::SEQUENCE, "distribution point")?.reader();
        let point = fields.optional(tag::context_constructed(0))?;
        let reasons = fields.optional(tag::context(1))?.map_or(Ok(Reasons::ALL), Reasons::parse)?;
        let crl_issuers = fields.optional(tag::context_constructed(2))?.map_or(Ok(Vec::new()), directory_names)?;
        fields.finish()?;
        let names = match point {
            Some(point) => point_names(point, crl_issuers.first().unwrap_or(certificate.issuer()))?,
            None => Vec::new(),
        };
        all.push(Point { names, reasons, crl_issuers });
    }
    Ok(all)
}
