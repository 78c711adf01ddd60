//! The evidence for a verification: certificates, CRLs and OCSP answers, parsed once, named by their SHA-256; and
//! timestamp tokens, as they came.
//!
//! Evidence is a pool: nothing in it is trusted because it is there. What does not parse stays out and is
//! reported by its digest.

use std::sync::Arc;

use super::certificate::Certificate;
use super::crl::Crl;
use super::limits::{EVIDENCE_ITEMS_MAX, TIMESTAMP_BYTES_MAX};
use super::ocsp::OcspResponse;
use crate::digest::Digest;

/// Certificates, CRLs, OCSP answers and timestamp tokens that somebody collected.
#[derive(Debug, Clone, Default)]
pub struct EvidenceSet {
    certificates: Vec<Arc<Certificate>>,
    crls: Vec<Arc<Crl>>,
    ocsp_responses: Vec<Arc<OcspResponse>>,
    timestamps: Vec<Arc<[u8]>>,
    /// How many CRLs and OCSP answers were collected, before what a message brought along; absent: all.
    collected: Option<(usize, usize)>,
    unusable: Vec<Digest>,
}

impl EvidenceSet {
    /// Parses DER certificates and CRLs. What does not parse, or is beyond the limit of items, is listed in
    /// [`EvidenceSet::unusable`].
    pub fn new(certificates: &[Vec<u8>], crls: &[Vec<u8>]) -> Self {
        let mut set = Self::default();
        for der in certificates {
            set.add_certificate(der);
        }
        for der in crls {
            set.add_crl(der);
        }
        set
    }

    /// Adds a certificate.
    pub fn add_certificate(&mut self, der: &[u8]) {
        match Certificate::parse(der) {
            Ok(certificate) => self.add_parsed_certificate(Arc::new(certificate)),
            Err(_) => self.refuse(Digest::sha256(&[der])),
        }
    }

    /// Adds a CRL.
    pub fn add_crl(&mut self, der: &[u8]) {
        match Crl::parse(der) {
            Ok(crl) => self.add_parsed_crl(Arc::new(crl)),
            Err(_) => self.refuse(Digest::sha256(&[der])),
        }
    }

    /// Adds an OCSP answer. One that is not `successful` says nothing and is listed as unusable.
    pub fn add_ocsp(&mut self, der: &[u8]) {
        match OcspResponse::parse(der) {
            Ok(response) => self.add_parsed_ocsp(Arc::new(response)),
            Err(_) => self.refuse(Digest::sha256(&[der])),
        }
    }

    /// Adds an OCSP answer that is parsed already.
    pub fn add_parsed_ocsp(&mut self, response: Arc<OcspResponse>) {
        if self.ocsp_responses.iter().any(|other| other.digest() == response.digest()) {
            return;
        }
        if self.ocsp_responses.len() < EVIDENCE_ITEMS_MAX {
            self.ocsp_responses.push(response);
        } else {
            self.refuse(response.digest());
        }
    }

    /// Adds a timestamp token (RFC 3161) over a signature value. It is read when a signature is verified, and concerns
    /// only the one whose value it stamps.
    pub fn add_timestamp(&mut self, token: &[u8]) {
        if self.timestamps.iter().any(|other| **other == *token) {
            return;
        }
        if self.timestamps.len() < EVIDENCE_ITEMS_MAX && token.len() <= TIMESTAMP_BYTES_MAX {
            self.timestamps.push(token.into());
        } else {
            self.refuse(Digest::sha256(&[token]));
        }
    }

    /// Adds a certificate that is parsed already.
    pub fn add_parsed_certificate(&mut self, certificate: Arc<Certificate>) {
        if self.certificates.contains(&certificate) {
            return;
        }
        if self.certificates.len() < EVIDENCE_ITEMS_MAX {
            self.certificates.push(certificate);
        } else {
            self.refuse(certificate.digest());
        }
    }

    /// Adds a CRL that is parsed and indexed already: a large one is opened once for many verifications.
    pub fn add_parsed_crl(&mut self, crl: Arc<Crl>) {
        if self.crls.iter().any(|other| other.digest() == crl.digest()) {
            return;
        }
        if self.crls.len() < EVIDENCE_ITEMS_MAX {
            self.crls.push(crl);
        } else {
            self.refuse(crl.digest());
        }
    }

    /// What is added from now on was brought along by a message: whoever holds it can write that, as much as he likes.
    pub(crate) fn carried_from_here(&mut self) {
        self.collected.get_or_insert((self.crls.len(), self.ocsp_responses.len()));
    }

    /// The CRLs, each with whether a message brought it along.
    pub(crate) fn crls_by_origin(&self) -> impl Iterator<Item = (&Arc<Crl>, bool)> {
        let collected = self.collected.map_or(usize::MAX, |(crls, _)| crls);
        self.crls.iter().enumerate().map(move |(place, crl)| (crl, place >= collected))
    }

    /// The OCSP answers, each with whether a message brought it along.
    pub(crate) fn ocsp_responses_by_origin(&self) -> impl Iterator<Item = (&Arc<OcspResponse>, bool)> {
        let collected = self.collected.map_or(usize::MAX, |(_, answers)| answers);
        self.ocsp_responses.iter().enumerate().map(move |(place, response)| (response, place >= collected))
    }

    fn refuse(&mut self, digest: Digest) {
        if self.unusable.len() < EVIDENCE_ITEMS_MAX && !self.unusable.contains(&digest) {
            self.unusable.push(digest);
        }
    }

    /// The certificates, in the order they were added.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// The CRLs, in the order they were added.
    pub fn crls(&self) -> &[Arc<Crl>] {
        &self.crls
    }

    /// The OCSP answers, in the order they were added.
    pub fn ocsp_responses(&self) -> &[Arc<OcspResponse>] {
        &self.ocsp_responses
    }

    /// The timestamp tokens, in the order they were added.
    pub fn timestamps(&self) -> &[Arc<[u8]>] {
        &self.timestamps
    }

    /// SHA-256 of what could not be used.
    pub fn unusable(&self) -> &[Digest] {
        &self.unusable
    }
}
