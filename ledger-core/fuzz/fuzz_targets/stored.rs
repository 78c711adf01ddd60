//! What lies beside the records: trust snapshots, the evidence that a verification used, batch proofs and PEM files.
//! What decodes is written as the same bytes again, so that a digest over it means one thing.
#![no_main]

use ledger_core::evidence::used::UsedEvidence;
use ledger_core::log::merkle::BatchInclusion;
use ledger_core::pki::pem;
use ledger_core::pki::trust::TrustSnapshot;
use ledger_core::signature::EvidenceSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(trust) = TrustSnapshot::decode(bytes) {
        assert_eq!(trust.encode().expect("decoded"), bytes);
    }
    if let Ok(used) = UsedEvidence::decode(bytes) {
        assert_eq!(used.encode().expect("decoded").as_deref(), Some(bytes));
        used.add_to(&mut EvidenceSet::default());
    }
    if let Some(proof) = BatchInclusion::decode(bytes) {
        assert_eq!(proof.encode(), bytes);
    }
    for kind in [pem::Kind::Certificate, pem::Kind::Crl, pem::Kind::Signature] {
        let _ = pem::any_spelling(bytes, kind);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (pem::certificates(text), pem::crls(text), pem::signatures(text));
    }
});
