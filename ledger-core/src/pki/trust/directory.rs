//! The certificates of a trust directory: the folder of a file says what it is trusted for.

use std::collections::BTreeMap;

use super::{Hierarchy, TrustError, TrustPurpose, TrustSnapshot, TrustTerms};
use crate::digest::Digest;
use crate::pki::certificate::Certificate;
use crate::pki::pem::{self, Kind, PemError};

/// The folders that are read, the inner ones with a hierarchy. Whatever lies elsewhere is left alone.
pub const FOLDERS: [&str; 6] = ["ca", "ca/prod", "ca/test", "tsa", "tsa/prod", "tsa/test"];
/// The file with further terms: a JSON object from SHA-256 of a certificate to its [`TrustTerms`]. They take the
/// place of what the folder says.
pub const TERMS_FILE: &str = "terms.json";

/// Why the certificates of a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustFilesError {
    /// The file holds no certificate. Take it away, or get the right one.
    #[error("{name} is not a certificate in DER, PEM or base64")]
    Spelling {
        /// Name of the file.
        name: String,
        /// What is wrong; none when it is a text without any certificate.
        source: Option<PemError>,
    },
    /// One certificate lies in two folders that say different things. Decide.
    #[error("the certificate in {name} lies in another folder too")]
    Ambiguous {
        /// Name of the second file.
        name: String,
    },
    /// The file with terms is not of its format.
    #[error("{TERMS_FILE} is not an object from SHA-256 of certificates to terms")]
    Terms,
    /// The certificates do not make a snapshot.
    #[error("the certificates are not usable")]
    Snapshot(#[from] TrustError),
}

/// Reads the certificates of a directory; `None` when there is none.
///
/// In `ca/` and `tsa/` every certificate is an anchor: whoever puts it there trusts it. In their folders `prod/` and
/// `test/` the self-issued ones are anchors of that hierarchy, and the others only help to build paths. Those of
/// `tsa/` serve timestamps alone.
pub fn from_files<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Option<TrustSnapshot>, TrustFilesError> {
    let (mut anchors, mut intermediates) = (Vec::new(), Vec::new());
    let mut terms: BTreeMap<Digest, TrustTerms> = BTreeMap::new();
    let mut decided: BTreeMap<Digest, TrustTerms> = BTreeMap::new();
    for (name, bytes) in files {
        if name == TERMS_FILE {
            decided = serde_json::from_slice(bytes).map_err(|_| TrustFilesError::Terms)?;
            continue;
        }
        let Some((folder, _)) = name.rsplit_once('/') else { continue };
        let Some((all_are_anchors, of_folder)) = meaning(folder) else { continue };
        let unread = |source| TrustFilesError::Spelling { name: name.to_owned(), source };
        let found = pem::any_spelling(bytes, Kind::Certificate).map_err(|error| unread(Some(error)))?;
        if found.is_empty() {
            return Err(unread(None));
        }
        for der in found {
            let digest = Digest::sha256(&[&der]);
            if terms.insert(digest, of_folder.clone()).is_some_and(|other| other != of_folder) {
                return Err(TrustFilesError::Ambiguous { name: name.to_owned() });
            }
            // What does not parse goes to the anchors, where it is refused with its reason.
            let is_anchor = all_are_anchors || Certificate::parse(&der).map_or(true, |one| one.is_self_issued());
            if is_anchor { anchors.push(der) } else { intermediates.push(der) }
        }
    }
    if anchors.is_empty() && intermediates.is_empty() {
        return Ok(None);
    }
    terms.extend(decided);
    Ok(Some(TrustSnapshot::from_parts(anchors, intermediates)?.with_terms(terms)?))
}

/// Whether every certificate of the folder is an anchor, and on which terms.
fn meaning(folder: &str) -> Option<(bool, TrustTerms)> {
    let (top, inner) = folder.split_once('/').map_or((folder, None), |(top, inner)| (top, Some(inner)));
    let purposes = match top {
        "ca" => None,
        "tsa" => Some(TrustPurpose::Timestamping),
        _ => return None,
    };
    let hierarchy = match inner {
        None => None,
        Some("prod") => Some(Hierarchy::Production),
        Some("test") => Some(Hierarchy::Test),
        Some(_) => return None,
    };
    Some((inner.is_none(), TrustTerms { hierarchy, purposes: purposes.into_iter().collect(), ..TrustTerms::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Vec<u8> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/ca/");
        std::fs::read(format!("{root}{name}")).unwrap()
    }

    #[test]
    fn the_folder_says_what_a_certificate_is_trusted_for() {
        let (root, authority) = (read("test/root_rsa_test_2018.cer"), read("test/nca_rsa_test_2019.cer"));
        let (real, tsa) = (read("prod/root_gost_2022.cer"), read("prod/tsa_2025.cer"));
        let files = [
            ("ca/test/root.der", root.as_slice()),
            ("ca/test/authority.cer", &authority),
            ("ca/real.cer", &real),
            ("tsa/tsa.cer", &tsa),
            ("notes/readme.txt", b"left alone"),
            ("origin", b"left alone"),
        ];
        let snapshot = from_files(files).unwrap().unwrap();
        assert_eq!((snapshot.anchors().len(), snapshot.intermediates().len()), (3, 1));
        let terms = |der: &[u8]| snapshot.terms().get(&Digest::sha256(&[der])).cloned();
        assert_eq!(terms(&root), Some(TrustTerms::of_hierarchy(Hierarchy::Test)));
        assert_eq!(terms(&real), None);
        assert_eq!(terms(&tsa).unwrap().purposes, [TrustPurpose::Timestamping].into());
        // A folder without terms gives the snapshot that it always gave.
        let plain = from_files([("ca/a.der", root.as_slice())]).unwrap().unwrap();
        assert_eq!(plain.id(), TrustSnapshot::from_certificates([&root]).unwrap().id());
        assert!(from_files([("origin", &b"x"[..])]).unwrap().is_none());
    }

    #[test]
    fn a_file_of_terms_takes_the_place_of_the_folder() {
        let root = read("prod/root_rsa_2015.cer");
        let digest = Digest::sha256(&[&root]);
        let text =
            format!("{{\"{digest}\":{{\"authority\":\"root\",\"trusted_until\":\"2025-01-01T00:00:00.000Z\"}}}}");
        let snapshot =
            from_files([("ca/prod/root.cer", root.as_slice()), (TERMS_FILE, text.as_bytes())]).unwrap().unwrap();
        assert_eq!(snapshot.terms()[&digest].trusted_until, "2025-01-01T00:00:00.000Z".parse().ok());
        assert_eq!(snapshot.terms()[&digest].hierarchy, None);
    }

    #[test]
    fn unusable_files_are_named() {
        let root = read("test/root_rsa_test_2018.cer");
        let two = [("ca/test/a.cer", root.as_slice()), ("ca/prod/b.cer", root.as_slice())];
        assert!(matches!(from_files(two), Err(TrustFilesError::Ambiguous { name }) if name == "ca/prod/b.cer"));
        for bytes in [&b"hello"[..], b"", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"] {
            let error = from_files([("ca/x.pem", bytes)]).unwrap_err();
            assert!(error.to_string().contains("ca/x.pem"), "{error}");
        }
        assert!(matches!(from_files([("ca/x.der", &[0x30, 0][..])]), Err(TrustFilesError::Snapshot(_))));
        assert!(matches!(from_files([(TERMS_FILE, &b"[]"[..])]), Err(TrustFilesError::Terms)));
    }
}
