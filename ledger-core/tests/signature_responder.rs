//! Delegated OCSP responders whose certificate has no nocheck extension (RFC 6960 4.2.2.2.1), played by OpenSSL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::report::{RevocationStatus, codes};
use ledger_core::signature::{EvidenceSet, SignaturePolicy, TrustSnapshot, verify_certificate};

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Scratch {
    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl").current_dir(&self.0).args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }
}

const EXTENSIONS: &str = "\
[ca]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
[leaf]
keyUsage=critical,digitalSignature,nonRepudiation
[silent]
keyUsage=critical,digitalSignature
extendedKeyUsage=OCSPSigning
[checkable]
keyUsage=critical,digitalSignature
extendedKeyUsage=OCSPSigning
crlDistributionPoints=URI:http://crl.example/ca.crl
[nocheck]
keyUsage=critical,digitalSignature
extendedKeyUsage=OCSPSigning
noCheck=ignored
[muted]
keyUsage=critical,keyEncipherment
extendedKeyUsage=OCSPSigning
noCheck=ignored
[ca_default]
database=index.txt
crlnumber=crlnumber
default_md=sha256
[req]
distinguished_name=dn
[dn]
";

/// A CA, a certificate, and a responder certificate of each kind.
fn exchange(folder: &Path) -> Scratch {
    std::fs::create_dir_all(folder).unwrap();
    let scratch = Scratch(folder.to_owned());
    std::fs::write(folder.join("cnf"), EXTENSIONS).unwrap();
    std::fs::write(folder.join("index.txt"), "V\t491231235959Z\t\t02\tunknown\t/CN=Leaf\n").unwrap();
    std::fs::write(folder.join("crlnumber"), "01\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config cnf";
    scratch.openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 3650 -subj /CN=Root -extensions ca"));
    for (serial, name) in [(2, "leaf"), (3, "silent"), (4, "checkable"), (5, "nocheck"), (6, "muted")] {
        scratch.openssl(&format!("req -new {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        scratch.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -set_serial {serial} -days 365 -extfile cnf -extensions {name} -out {name}.pem"
        ));
    }
    for name in ["ca", "leaf"] {
        scratch.openssl(&format!("x509 -in {name}.pem -outform der -out {name}.der"));
    }
    scratch.openssl("ocsp -sha256 -issuer ca.pem -cert leaf.pem -reqout request.der -no_nonce");
    for name in ["silent", "checkable", "nocheck", "muted"] {
        scratch.openssl(&format!(
            "ocsp -index index.txt -CA ca.pem -rsigner {name}.pem -rkey {name}.key -reqin request.der -respout {name}.ocsp -ndays 7"
        ));
    }
    // A list on which the silent responder stands.
    let revoked = "R\t491231235959Z\t200101000000Z\t03\tunknown\t/CN=silent\n";
    std::fs::write(folder.join("index.txt"), revoked).unwrap();
    scratch
        .openssl("ca -config cnf -name ca_default -gencrl -keyfile ca.key -cert ca.pem -crldays 30 -out revoked.pem");
    scratch.openssl("crl -in revoked.pem -outform der -out revoked.crl");
    scratch
}

#[test]
fn a_responder_without_nocheck_whose_status_nothing_proves_is_not_believed() {
    let folder = std::env::temp_dir().join(format!("ledger-core-responder-{}", std::process::id()));
    let scratch = exchange(&folder);
    let trust = TrustSnapshot::from_certificates([scratch.read("ca.der")]).unwrap();
    let leaf = scratch.read("leaf.der");
    let at = Certificate::parse(&leaf).unwrap().not_before().plus_ms(1000);
    let policy = SignaturePolicy::default_2026();
    let list = scratch.read("revoked.crl");
    for (responder, lists, expected) in [
        ("nocheck", &[][..], (RevocationStatus::Good, codes::OK)),
        // Pitfall 15: what answers must be allowed to sign (RFC 5280 4.2.1.12: both usages count).
        ("muted", &[], (RevocationStatus::Unknown, codes::REVOCATION_UNUSABLE)),
        ("silent", &[], (RevocationStatus::Unknown, codes::REVOCATION_UNUSABLE)),
        ("checkable", &[], (RevocationStatus::Unknown, codes::REVOCATION_UNUSABLE)),
        // What is known against it counts, whatever its certificate says or leaves out.
        ("silent", std::slice::from_ref(&list), (RevocationStatus::Good, codes::OK)),
    ] {
        let mut evidence = EvidenceSet::new(&[], lists);
        evidence.add_ocsp(&scratch.read(&format!("{responder}.ocsp")));
        let report = verify_certificate(&leaf, &evidence, &trust, &policy, at, None);
        let status = report.revocation.first().unwrap();
        assert_eq!((status.revocation, status.check.code.as_str()), expected, "{responder}: {status:?}");
        // The list clears the certificate by itself; the answer of the revoked responder is not among the proofs.
        if !lists.is_empty() {
            assert_eq!(status.responder, None, "{status:?}");
        }
    }
}
