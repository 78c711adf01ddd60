//! Facts for decisions: signature and certificate checks, in the words of the domain.

use ledger_core::domain::certificate::Certificate;
use ledger_core::domain::check::{Authority, CertificateCheck, CertificateContents, SignatureCheck, SignerFacts};
use ledger_core::domain::key::Key;
use ledger_core::domain::participant::Participant;
use ledger_core::evidence::outcome;
use ledger_core::evidence::used::{AtSigning, UsedEvidence, at_signing};
use ledger_core::id::{IdentityId, IdentityKind, StreamId};
use ledger_core::pki;
use ledger_core::pki::certificate::Purpose;
use ledger_core::signature::{self, EvidenceSet, SignedContent, VerifyInput};
use ledger_core::time::Timestamp;

use super::checking::Checking;
use super::gather::Outside;
use super::load::Reads;
use super::{Inner, LedgerError};

impl Inner {
    /// Checks a CMS over bytes that the ledger chose, and loads what is known of its signer.
    pub(super) async fn signer_facts(
        &self,
        signed: &SignedContent<'_>,
        cms: &[u8],
        outside: &Outside,
        now: Timestamp,
        reads: &mut Reads,
    ) -> Result<SignerFacts, LedgerError> {
        let checking = self.checking();
        self.note_checking(&checking, reads);
        let check = self.check_signature(&checking, signed, cms, outside.about(cms), Moments::Signing(now)).await?;
        let certificate: Certificate = match check.certificate {
            Some(id) => self.read(&StreamId::certificate(id), reads)?,
            None => Certificate::default(),
        };
        let key: Key = match check.key {
            Some(id) => self.read(&StreamId::key(id), reads)?,
            None => Key::default(),
        };
        let participant: Participant = match &certificate.registered {
            Some(registered) => self.read(&StreamId::participant(registered.participant), reads)?,
            None => Participant::default(),
        };
        let (basis, authority) = (checking.basis.clone(), Authority::NotApplicable);
        Ok(SignerFacts { check, certificate, key, participant, basis, authority })
    }

    /// A decision rests on trust and lists as they were when it was made.
    pub(super) fn note_checking(&self, checking: &Checking, reads: &mut Reads) {
        reads.push((self.ledger_stream(), crate::store::Expectation::Homed(checking.homed)));
    }

    /// Checks a certificate by itself, now.
    pub(super) fn certificate_check(
        &self,
        checking: &Checking,
        der: &[u8],
        chain: &[Vec<u8>],
        used: &UsedEvidence,
        now: Timestamp,
    ) -> Result<CertificateCheck, LedgerError> {
        let private_key_material = signature::private_key::looks_like_private_key(der);
        let mut evidence = checking.evidence.clone();
        used.add_to(&mut evidence);
        for certificate in chain {
            evidence.add_certificate(certificate);
        }
        let report = signature::verify_certificate(der, &evidence, &checking.trust, &checking.policy, now, None);
        let outcome = outcome::of_certificate(&report)?;
        let index_key = &self.secrets.index_key;
        let contents = pki::certificate::Certificate::parse(der).ok().map(|certificate| {
            let subject = certificate.identity();
            let identity =
                |kind, number: Option<String>| number.map(|number| IdentityId::of_number(index_key, kind, &number));
            CertificateContents {
                certificate: certificate.id(),
                key: certificate.key(),
                not_before: certificate.not_before(),
                not_after: certificate.not_after(),
                purpose_is_signing: certificate.purpose() == Purpose::Signing,
                bin: identity(IdentityKind::Bin, subject.bin),
                iin: identity(IdentityKind::Iin, subject.iin),
            }
        });
        Ok(CertificateCheck { outcome, contents, private_key_material, evidence: used.encode()? })
    }

    /// Checks a CMS with exactly one signer over a document. Beside what the ledger goes by there are the certificates
    /// that were handed in at the signer's registration, and what was gathered outside.
    pub(super) async fn check_signature(
        &self,
        checking: &Checking,
        content: &SignedContent<'_>,
        cms: &[u8],
        used: UsedEvidence,
        moments: Moments,
    ) -> Result<SignatureCheck, LedgerError> {
        let mut evidence = checking.evidence.clone();
        used.add_to(&mut evidence);
        if let Some(signer) = signature::signer_certificate(cms, &evidence) {
            for der in self.registered_certificates(signer.id()).await? {
                evidence.add_certificate(&der);
            }
        }
        check_signature(checking, &evidence, content, cms, used.encode()?, moments)
    }
}

/// As of when a signature is checked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moments {
    /// The moment of its recording.
    Signing(Timestamp),
    /// That, and the moment of a receipt.
    Receipt {
        /// When it was recorded.
        signed_at: Timestamp,
        /// When it is received.
        received_at: Timestamp,
    },
}

/// Checks a CMS with exactly one signer, with exactly this evidence; `used` is what will be kept of it.
pub(super) fn check_signature(
    checking: &Checking,
    evidence: &EvidenceSet,
    content: &SignedContent<'_>,
    cms: &[u8],
    used: Option<Vec<u8>>,
    moments: Moments,
) -> Result<SignatureCheck, LedgerError> {
    let private_key_material = signature::private_key::looks_like_private_key(cms);
    let (signing_time, receipt_time) = match moments {
        Moments::Signing(at) => (at, at),
        Moments::Receipt { signed_at, received_at } => (signed_at, received_at),
    };
    let input = VerifyInput {
        document: &content.bytes,
        signature: cms,
        evidence,
        trust: &checking.trust,
        policy: &checking.policy,
        signing_time,
        receipt_time,
        known_until: None,
        document_type: content.document_type.as_deref(),
    };
    let AtSigning { report, proven_at } = match moments {
        Moments::Signing(_) => at_signing(&input, content.required_role),
        Moments::Receipt { .. } => {
            AtSigning { report: signature::verify(&input).with_role(content.required_role), proven_at: None }
        }
    };
    let outcome = outcome::of_signature(&report)?;
    let signer = outcome::only_signer(&report).map(|one| &one.signer);
    let certificate = signer.and_then(|signer| signer.certificate);
    let purpose = signature::signer_certificate(cms, evidence).map(|certificate| certificate.purpose());
    Ok(SignatureCheck {
        outcome,
        certificate,
        key: signer.and_then(|signer| signer.key),
        purpose_is_signing: certificate.is_some() && purpose == Some(Purpose::Signing),
        required_role: content.required_role,
        private_key_material,
        proven_at,
        evidence: used,
    })
}
