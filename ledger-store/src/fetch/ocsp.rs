//! Asking for the status of a certificate (RFC 6960, over HTTP by its appendix A): one question for a burst of callers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ledger_core::digest::Digest;
use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::ocsp::{OcspError, OcspResponse, request};
use ledger_core::pki::report::RevocationStatus;
use ledger_core::pki::revocation::status_under;
use ledger_core::signature::EvidenceSet;
use ledger_core::time::Timestamp;

use super::exchange::{ANSWER_BYTES_MAX, FetchError, Question, Reply, Validators};
use super::hosts::Hosts;
use super::settings::{FetchSettings, OcspSettings};
use super::url::{Host, ServiceUrl};

/// Length of the nonce (RFC 9654 asks for 32 octets).
const NONCE_BYTES: usize = 32;
/// Responders that are asked about one certificate, one after the other.
const RESPONDERS_MAX: usize = 4;
/// Certificates whose answers are remembered; beyond it all are forgotten and asked again as needed.
const KNOWN_MAX: usize = 4_096;

/// The client, with the answers that may serve again.
#[derive(Debug)]
pub(super) struct OcspClient {
    settings: OcspSettings,
    allowed: Vec<Host>,
    exchange_ms: u64,
    known: Mutex<BTreeMap<Key, Arc<Place>>>,
}

/// Certificate, issuer and responder: an answer is never given to another question (pki.md section 5, pitfall 19).
type Key = (Digest, Digest, ServiceUrl);

/// The answer of one key; who holds the lock is asking.
type Place = tokio::sync::Mutex<Option<Known>>;

#[derive(Debug)]
struct Known {
    response: Vec<u8>,
    until: Timestamp,
}

impl OcspClient {
    pub(super) fn new(settings: &FetchSettings) -> Self {
        Self {
            settings: settings.ocsp.clone(),
            allowed: settings.hosts.iter().chain(&settings.private_hosts).cloned().collect(),
            exchange_ms: settings.exchange_ms,
            known: Mutex::default(),
        }
    }

    /// Whom to ask about a certificate, in order: the responder of its issuer, or else where the certificate points
    /// to, and then the one for all others.
    pub(super) fn responders(&self, certificate: &Certificate, issuer: &Certificate) -> Vec<ServiceUrl> {
        let of = |digest: Option<Digest>| {
            let responders = self.settings.responders.iter();
            responders.filter(move |responder| responder.issuer == digest).map(|responder| responder.url.clone())
        };
        let mut urls: Vec<ServiceUrl> = of(Some(issuer.digest())).collect();
        if urls.is_empty() {
            if self.settings.addresses_in_certificates {
                let theirs = certificate.ocsp_urls().into_iter().filter_map(|url| url.parse::<ServiceUrl>().ok());
                urls.extend(theirs.filter(|url| self.allowed.contains(url.host())));
            }
            urls.extend(of(None));
        }
        urls.truncate(RESPONDERS_MAX);
        urls
    }

    /// The answer of one responder, fresh or not older than configured.
    pub(super) async fn ask(
        &self,
        hosts: &Hosts,
        url: &ServiceUrl,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<Vec<u8>, FetchError> {
        let place = self.place((certificate.digest(), issuer.digest(), url.clone()));
        // Who comes while another asks waits for that answer; failures are not answers, so then the next one asks.
        let mut known = place.lock().await;
        let now = hosts.now();
        if let Some(known) = known.as_ref().filter(|known| now < known.until) {
            return Ok(known.response.clone());
        }
        let response = self.fetch(hosts, url, certificate, issuer).await;
        if let Err(error @ FetchError::Answer { .. }) = &response {
            hosts.useless(error, url.host());
        }
        let response = response?;
        // What proves nothing (a stranger's signature, status unknown) is handed on for the ledger to judge, and asked
        // again: somebody between us and the responder must not be able to fill the memory.
        if proves_something(&response, certificate, issuer) {
            let until = now.plus_ms(self.settings.reuse_ms);
            let until = response.next_update().map_or(until, |next| next.min(until));
            *known = Some(Known { response: response.der().to_vec(), until });
        }
        Ok(response.der().to_vec())
    }

    async fn fetch(
        &self,
        hosts: &Hosts,
        url: &ServiceUrl,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<OcspResponse, FetchError> {
        let nonce: [u8; NONCE_BYTES] = hosts.random()?;
        let request = request(certificate, issuer, (!self.settings.without_nonce).then_some(nonce.as_slice()));
        let question = Question {
            url: url.clone(),
            post: Some(("application/ocsp-request", request.clone())),
            accept: "application/ocsp-response",
            known: Validators::default(),
            bytes_max: ANSWER_BYTES_MAX,
            ms_max: self.exchange_ms,
        };
        let useless = |why| FetchError::Answer { host: url.host().clone(), why };
        let bytes = match hosts.ask(&question).await? {
            Reply::Body { bytes, .. } => bytes,
            Reply::Unchanged => return Err(useless("nothing")),
        };
        let response = OcspResponse::parse(&bytes).map_err(|error| {
            useless(match error {
                OcspError::NotSuccessful { .. } => "the responder refuses",
                OcspError::TooLong { .. }
                | OcspError::Structure { .. }
                | OcspError::Type
                | OcspError::Extensions { .. } => "not an OCSP response",
            })
        })?;
        if !response.answers_request(&request) {
            return Err(useless("another nonce"));
        }
        if !response.is_about(certificate, issuer) {
            return Err(useless("about another certificate"));
        }
        Ok(response)
    }

    fn place(&self, key: Key) -> Arc<Place> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX && !known.contains_key(&key) {
            known.clear();
        }
        Arc::clone(known.entry(key).or_default())
    }
}

/// Whether the ledger could make a status from it.
fn proves_something(response: &OcspResponse, certificate: &Certificate, issuer: &Certificate) -> bool {
    let Some(at) = response.this_update() else { return false };
    let mut evidence = EvidenceSet::default();
    evidence.add_ocsp(response.der());
    match status_under(certificate, issuer, &evidence, at) {
        RevocationStatus::Good | RevocationStatus::Revoked { .. } | RevocationStatus::OnHold { .. } => true,
        RevocationStatus::Unknown | RevocationStatus::TrustAnchor => false,
    }
}
