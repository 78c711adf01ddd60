//! Around every request: an id, one log line without personal data, and a problem for every error, panics included.
//!
//! A line names the route's pattern and never the URL, the token or a header: logs are read by more people than ledgers.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError as _};
use ledger_core::digest::encode_hex;

use super::now;
use super::problem::{MEDIA_TYPE, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Runs one request and writes its line.
pub(super) async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = request_id();
    let method = request.method().clone();
    // No clone of the request may live while it is routed; where there is no response, its route is not known.
    let response = match unwinding(next.call(request)).await {
        Some(Ok(response)) => Ok(response.map_into_boxed_body()),
        Some(Err(error)) => Err(error),
        None => Err(Problem::internal("panic").into()),
    };
    let (response, route, cause) = match response {
        Ok(response) => {
            let route = response.request().match_pattern();
            let (response, cause) = of_ours(response);
            (Ok(response), route, cause)
        }
        Err(error) => {
            let cause = error.as_error::<Problem>().and_then(Problem::cause).map(str::to_owned);
            (Err(error), None, cause)
        }
    };
    let status = response.as_ref().map_or_else(|error| error.error_response().status(), ServiceResponse::status);
    let (status, route, ms) = (status.as_u16(), route.as_deref().unwrap_or("-"), started.elapsed().as_millis());
    line("request", &format!("id={id} method={method} route={route} status={status} ms={ms}"));
    if let Some(cause) = cause {
        line("error", &format!("id={id} cause={cause:?}"));
    }
    response.map(|mut response| {
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, value);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    })
}

/// One log line on standard error: time, kind, members.
pub(super) fn line(kind: &str, members: &str) {
    eprintln!("{} {kind} {members}", now());
}

/// Gives the framework's own error answers the body of a problem, and finds the cause of ours.
fn of_ours(response: ServiceResponse<BoxBody>) -> (ServiceResponse<BoxBody>, Option<String>) {
    let cause = response.response().error().and_then(|error| error.as_error::<Problem>()?.cause().map(str::to_owned));
    let status = response.status();
    let told = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE);
    if !(status.is_client_error() || status.is_server_error()) || told {
        return (response, cause);
    }
    let problem: HttpResponse<BoxBody> = Problem::of_status(status).error_response();
    let (request, _) = response.into_parts();
    (ServiceResponse::new(request, problem), cause)
}

/// Polls a future; `None` if it panicked.
async fn unwinding<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Names one request in the log and in the client's hands.
fn request_id() -> String {
    let mut id = [0; 8];
    // An id that is all zeros is still a line in the log; no request fails for want of a nicer one.
    let _ = getrandom::fill(&mut id);
    encode_hex(&id)
}
