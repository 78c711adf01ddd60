//! Where a certificate says that its issuer, its status and its lists are to be had. Suggestions of strangers: whoever
//! fetches decides which hosts to ask (pki.md section 5, pitfall 18).

use const_oid::ObjectIdentifier;

use super::Certificate;
use crate::pki::asn1::{Asn1Error, Tlv, tag};

/// URLs read out of one extension; real certificates have one to four.
const URLS_MAX: usize = 16;
/// Longer ones are no addresses.
const URL_BYTES_MAX: usize = 2048;

const AUTHORITY_INFORMATION_ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1");
const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
const FRESHEST_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.46");

impl Certificate {
    /// Where to ask for its status (authorityInfoAccess, RFC 5280 4.2.2.1).
    pub fn ocsp_urls(&self) -> Vec<String> {
        self.access_urls(&OCSP)
    }

    /// Where its issuer's certificate is.
    pub fn ca_issuers_urls(&self) -> Vec<String> {
        self.access_urls(&CA_ISSUERS)
    }

    /// Where the list is that it would stand on (cRLDistributionPoints, RFC 5280 4.2.1.13).
    pub fn crl_urls(&self) -> Vec<String> {
        self.distribution_point_urls(&CRL_DISTRIBUTION_POINTS)
    }

    /// Where the delta of that list is (freshestCRL, RFC 5280 4.2.1.15).
    pub fn delta_crl_urls(&self) -> Vec<String> {
        self.distribution_point_urls(&FRESHEST_CRL)
    }

    fn access_urls(&self, method: &ObjectIdentifier) -> Vec<String> {
        let mut urls = Vec::new();
        if let Some(extension) = self.extension(&AUTHORITY_INFORMATION_ACCESS) {
            // What is readable counts; the rest is nobody's address.
            let _ = each(&extension.value, |mut description| {
                if description.oid()?.is(method) {
                    add(&mut urls, description.any()?);
                }
                Ok(())
            });
        }
        urls
    }

    fn distribution_point_urls(&self, oid: &ObjectIdentifier) -> Vec<String> {
        let mut urls = Vec::new();
        if let Some(extension) = self.extension(oid) {
            let _ = each(&extension.value, |mut point| {
                let Some(name) = point.optional(tag::context_constructed(0))? else { return Ok(()) };
                let full = Tlv::only(name.value)?.expect(tag::context_constructed(0), "full name")?;
                let mut names = full.reader();
                while !names.is_empty() && urls.len() < URLS_MAX {
                    add(&mut urls, names.any()?);
                }
                Ok(())
            });
        }
        urls
    }
}

/// Calls `read` for every SEQUENCE in a SEQUENCE OF, up to the limit.
fn each<'a>(
    value: &'a [u8],
    mut read: impl FnMut(crate::pki::asn1::Reader<'a>) -> Result<(), Asn1Error>,
) -> Result<(), Asn1Error> {
    let mut list = Tlv::only(value)?.expect(tag::SEQUENCE, "list")?.reader();
    for _ in 0..URLS_MAX {
        if list.is_empty() {
            break;
        }
        read(list.take(tag::SEQUENCE, "item")?.reader())?;
    }
    Ok(())
}

/// Takes a `GeneralName` that is a URL in printable ASCII.
fn add(urls: &mut Vec<String>, name: Tlv<'_>) {
    let url = std::str::from_utf8(name.value).ok().filter(|url| url.bytes().all(|byte| byte.is_ascii_graphic()));
    if let Some(url) = url
        && name.tag == tag::context(6)
        && (1..=URL_BYTES_MAX).contains(&url.len())
        && urls.len() < URLS_MAX
    {
        urls.push(url.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl x509 -text` shows them.
    #[test]
    fn a_national_certificate_names_its_lists_and_its_responder() {
        let path = "/../../shared/data/kz-pki/user/gost2015_individual_sign_20260508_cf8451.cer";
        let der = std::fs::read(format!("{}{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!(certificate.ocsp_urls(), ["http://test.pki.gov.kz/ocsp/"]);
        assert_eq!(certificate.ca_issuers_urls(), ["http://test.pki.gov.kz/cert/nca_gost2022_test.cer"]);
        assert_eq!(certificate.crl_urls(), ["http://test.pki.gov.kz/crl/nca_gost2022_test.crl"]);
        assert_eq!(certificate.delta_crl_urls(), ["http://test.pki.gov.kz/crl/nca_gost2022_d_test.crl"]);
    }
}
