//! Asking for a time-stamp (RFC 3161, over HTTP by its 3.4): the first authority that gives one is enough.

use ledger_core::signature::timestamp::token_of_response;

use super::exchange::{ANSWER_BYTES_MAX, FetchError, Question, Reply, Validators};
use super::hosts::Hosts;
use super::settings::TimestampSettings;

/// A token over `signature_value` from one authority: granted, over these bytes, with our nonce and policy. Whose token
/// it is and whether its signature holds is judged by the ledger.
pub(super) async fn ask(
    hosts: &Hosts,
    authority: &TimestampSettings,
    exchange_ms: u64,
    signature_value: &[u8],
) -> Result<Vec<u8>, FetchError> {
    let host = authority.url.host();
    let useless = |why| FetchError::Answer { host: host.clone(), why };
    let nonce = u64::from_be_bytes(hosts.random()?);
    let request = authority.request(signature_value, nonce).map_err(|_| useless("no request possible"))?;
    let question = Question {
        url: authority.url.clone(),
        post: Some(("application/timestamp-query", request.clone())),
        accept: "application/timestamp-reply",
        known: Validators::default(),
        bytes_max: ANSWER_BYTES_MAX,
        ms_max: exchange_ms,
    };
    let bytes = match hosts.ask(&question).await? {
        Reply::Body { bytes, .. } => bytes,
        Reply::Unchanged => return Err(useless("nothing")),
    };
    token_of_response(&request, &bytes).map_err(|_| {
        let error = useless("no token for the request");
        hosts.useless(&error, host);
        error
    })
}
