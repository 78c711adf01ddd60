//! What may be fetched, from where and for how long: the operator's configuration, refused as a whole if a part is wrong.

use std::collections::BTreeSet;

use ledger_core::digest::Digest;
use ledger_core::pki::alg::AlgorithmRegistry;
use ledger_core::signature::timestamp::{self, MessageImprint, TimestampError};
use serde::{Deserialize, Serialize};

use super::url::{Host, ServiceUrl};

/// Services that one ledger can have of each kind; beyond it the configuration is a mistake.
const SERVICES_MAX: usize = 64;
/// The longest wait that can be configured, in milliseconds: an hour.
const WAIT_MS_MAX: u64 = 3_600_000;

/// Why a configuration is not used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not JSON of this form.
    #[error("the file of services is malformed")]
    Form(#[source] serde_json::Error),
    /// A service stands on a host that may not be talked to. Add the host, or remove the service.
    #[error("{0} is on none of the lists of hosts")]
    Host(ServiceUrl),
    /// More services than make sense.
    #[error("more than {SERVICES_MAX} {0}")]
    TooMany(&'static str),
    /// A time or a number outside its range.
    #[error("{name} is {value}, between {min} and {max} is possible")]
    Range {
        /// Name of the member.
        name: &'static str,
        /// What it is.
        value: u64,
        /// Smallest possible value.
        min: u64,
        /// Largest possible value.
        max: u64,
    },
    /// Nothing can be asked of an authority by its policy or imprint.
    #[error("no request to {url} is possible")]
    Timestamp {
        /// The authority.
        url: ServiceUrl,
        /// Why.
        #[source]
        source: TimestampError,
    },
}

/// Services outside, and the terms on which they are asked. The default asks nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FetchSettings {
    /// Hosts that may be talked to while they have public addresses; `name` or `name:port`.
    pub hosts: BTreeSet<Host>,
    /// Hosts that may be talked to whatever their address is: services in the operator's own network.
    pub private_hosts: BTreeSet<Host>,
    /// Where certificate status is asked.
    pub ocsp: OcspSettings,
    /// Time-stamping authorities; the first that answers is enough.
    pub timestamps: Vec<TimestampSettings>,
    /// Revocation lists to keep recorded, full ones and deltas.
    pub crls: Vec<ServiceUrl>,
    /// Time to connect, in milliseconds.
    pub connect_ms: u64,
    /// Time for one conversation (OCSP, time-stamp) from connecting to the last byte, in milliseconds.
    pub exchange_ms: u64,
    /// Time for one download of a revocation list, in milliseconds: the national one has 22 MB.
    pub list_ms: u64,
    /// Time for all that one command waits for, in milliseconds.
    pub gather_ms: u64,
    /// How often one thing is tried.
    pub attempts: u32,
    /// Pause before the second try, in milliseconds; doubled for each further one, and varied.
    pub pause_ms: u64,
    /// Failures in a row after which a host is left alone.
    pub breaker_failures: u32,
    /// How long it is left alone at first, in milliseconds; doubled up to 16 times while it stays away.
    pub breaker_pause_ms: u64,
    /// How often pending verifications are looked at again, in milliseconds.
    pub resolve_ms: u64,
    /// Revocation lists are looked for at least so often, in milliseconds, and when the last one says.
    pub list_interval_ms: u64,
    /// Conversations with one host at the same time.
    pub parallel: u32,
}

/// Where certificate status is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OcspSettings {
    /// Whether the address in a certificate is used, if its host is on a list and no responder of its issuer is given.
    pub addresses_in_certificates: bool,
    /// Responders by issuer.
    pub responders: Vec<Responder>,
    /// Whether answers without our nonce are taken. Such answers can be replayed while they are in force, and
    /// responders that prepare their answers give no others.
    pub without_nonce: bool,
    /// How long an answer serves for further questions about the same certificate, in milliseconds.
    pub reuse_ms: u64,
}

/// A responder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Responder {
    /// SHA-256 of the certificate (DER) of the CA whose certificates it knows; none for all others.
    #[serde(default)]
    pub issuer: Option<Digest>,
    /// Where it is.
    pub url: ServiceUrl,
}

/// A time-stamping authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampSettings {
    /// Where it is.
    pub url: ServiceUrl,
    /// The policy to ask for, an object identifier; none for the authority's default.
    #[serde(default)]
    pub policy: Option<String>,
    /// The digest by which it is told what to stamp, an object identifier; none for SHA-256.
    #[serde(default)]
    pub imprint: Option<String>,
}

impl TimestampSettings {
    /// The request for a time-stamp over bytes.
    pub(super) fn request(&self, bytes: &[u8], nonce: u64) -> Result<Vec<u8>, TimestampError> {
        let imprint = match &self.imprint {
            None => MessageImprint::sha256(bytes),
            Some(algorithm) => MessageImprint::of(AlgorithmRegistry::standard(), algorithm, bytes)?,
        };
        timestamp::request(&imprint, Some(nonce), self.policy.as_deref(), true)
    }
}

impl Default for OcspSettings {
    fn default() -> Self {
        Self { addresses_in_certificates: false, responders: Vec::new(), without_nonce: false, reuse_ms: 60_000 }
    }
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            hosts: BTreeSet::new(),
            private_hosts: BTreeSet::new(),
            ocsp: OcspSettings::default(),
            timestamps: Vec::new(),
            crls: Vec::new(),
            connect_ms: 2_000,
            exchange_ms: 5_000,
            list_ms: 300_000,
            gather_ms: 12_000,
            attempts: 2,
            pause_ms: 200,
            breaker_failures: 5,
            breaker_pause_ms: 10_000,
            resolve_ms: 30_000,
            list_interval_ms: 3_600_000,
            parallel: 8,
        }
    }
}

impl FetchSettings {
    /// Reads JSON; unknown members are mistakes.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_slice(bytes).map_err(SettingsError::Form)?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether a host may be talked to at all.
    pub fn allows(&self, host: &Host) -> bool {
        self.hosts.contains(host) || self.private_hosts.contains(host)
    }

    /// Finds the first mistake.
    pub fn check(&self) -> Result<(), SettingsError> {
        let counts = [
            ("hosts", self.hosts.len().saturating_add(self.private_hosts.len())),
            ("responders", self.ocsp.responders.len()),
            ("time-stamping authorities", self.timestamps.len()),
            ("revocation lists", self.crls.len()),
        ];
        if let Some((what, _)) = counts.iter().find(|(_, count)| *count > SERVICES_MAX) {
            return Err(SettingsError::TooMany(what));
        }
        for (name, value, min, max) in [
            ("connect_ms", self.connect_ms, 1, WAIT_MS_MAX),
            ("exchange_ms", self.exchange_ms, 1, WAIT_MS_MAX),
            ("list_ms", self.list_ms, 1, WAIT_MS_MAX),
            ("gather_ms", self.gather_ms, 1, WAIT_MS_MAX),
            ("attempts", u64::from(self.attempts), 1, 10),
            ("pause_ms", self.pause_ms, 1, WAIT_MS_MAX),
            ("breaker_failures", u64::from(self.breaker_failures), 1, 1_000),
            ("breaker_pause_ms", self.breaker_pause_ms, 1, WAIT_MS_MAX),
            ("resolve_ms", self.resolve_ms, 10, 24 * WAIT_MS_MAX),
            ("list_interval_ms", self.list_interval_ms, 10, 24 * WAIT_MS_MAX),
            ("parallel", u64::from(self.parallel), 1, 1_000),
            ("ocsp.reuse_ms", self.ocsp.reuse_ms, 0, WAIT_MS_MAX),
        ] {
            if !(min..=max).contains(&value) {
                return Err(SettingsError::Range { name, value, min, max });
            }
        }
        for authority in &self.timestamps {
            let request = authority.request(&[], 0);
            request.map_err(|source| SettingsError::Timestamp { url: authority.url.clone(), source })?;
        }
        let responders = self.ocsp.responders.iter().map(|responder| &responder.url);
        let authorities = self.timestamps.iter().map(|authority| &authority.url);
        match responders.chain(authorities).chain(&self.crls).find(|url| !self.allows(url.host())) {
            Some(url) => Err(SettingsError::Host(url.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_fetched_by_default_and_a_short_file_is_enough() {
        let nothing = FetchSettings::default();
        assert!(nothing.hosts.is_empty() && nothing.private_hosts.is_empty() && nothing.check().is_ok());
        assert_eq!(FetchSettings::from_json(b"{}").unwrap(), nothing);
        let text = br#"{"hosts": ["ocsp.pki.gov.kz"], "ocsp": {"responders": [{"url": "http://ocsp.pki.gov.kz/"}]}}"#;
        let settings = FetchSettings::from_json(text).unwrap();
        assert!(settings.allows(&"ocsp.pki.gov.kz:80".parse().unwrap()));
        assert!(!settings.allows(&"ocsp.pki.gov.kz:81".parse().unwrap()));
        let written = serde_json::to_vec(&settings).unwrap();
        assert_eq!(FetchSettings::from_json(&written).unwrap(), settings);
    }

    #[test]
    fn a_mistake_in_the_file_is_said_and_nothing_of_it_is_used() {
        for (text, says) in [
            (r#"{"crls": ["http://crl.pki.gov.kz/a.crl"]}"#, "http://crl.pki.gov.kz:80/a.crl is on none of the lists"),
            (r#"{"hosts": ["h"], "timestamps": [{"url": "https://h/"}]}"#, "malformed"),
            (r#"{"host": []}"#, "malformed"),
            (r#"{"attempts": 0}"#, "attempts is 0"),
            (r#"{"hosts": ["h"], "timestamps": [{"url": "http://h/", "policy": "1"}]}"#, "no request to http://h:80/"),
            (r#"{"hosts": ["h"], "timestamps": [{"url": "http://h/", "imprint": "1.2.3"}]}"#, "no request to http"),
            (r#"{"hosts": ["h"], "ocsp": {"responders": [{"url": "http://g/"}]}}"#, "http://g:80/ is on none"),
        ] {
            let error = FetchSettings::from_json(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
