//! The HTTP facade: authentication, requests into commands, views into JSON, refusals into problems.
//!
//! It decides nothing: every rule is in `ledger-core`, everything kept is in `ledger-store`. In scope here: who calls,
//! the shape and size of what is said, and status codes. The routes stand on one screen, in `routes`.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer, Resource, Route};
use ledger_core::time::Timestamp;
use ledger_store::Ledger;
use tokio::sync::Semaphore;

use self::auth::Tokens;
use self::problem::Problem;
use self::request::{COMMANDS_MAX, LARGE_BODIES_MAX};

mod acts;
pub mod auth;
mod feed;
mod json;
mod log;
mod problem;
mod proofs;
mod reads;
mod request;
mod view;

/// What a handler gives: an answer, or a problem.
type Answer = Result<HttpResponse, Problem>;

/// How long running requests may take to end when the service is stopped.
const SHUTDOWN_SECONDS: u64 = 30;
/// A client that has not sent its head by then is a slow one or an attack.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle connections cost memory.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
/// More connections wait in the system's queue.
const CONNECTIONS_MAX: usize = 1024;

/// What all handlers share.
#[derive(Debug)]
struct State {
    ledger: Ledger,
    tokens: Arc<Tokens>,
    /// Places for large bodies in memory.
    large_bodies: Semaphore,
    /// Places for commands that are carried out.
    running: Semaphore,
}

/// A running service.
pub struct Service {
    /// Stops it gracefully.
    pub handle: actix_web::dev::ServerHandle,
    /// Ends when the service has stopped.
    pub running: actix_web::dev::Server,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

/// Serves a ledger on a bound listener until SIGINT or SIGTERM, or until the handle stops it.
///
/// The caller closes the ledger afterwards; all its clones are one ledger.
pub fn serve(ledger: Ledger, tokens: Arc<Tokens>, listener: TcpListener) -> std::io::Result<Service> {
    let (large_bodies, running) = (Semaphore::new(LARGE_BODIES_MAX), Semaphore::new(COMMANDS_MAX));
    let state = web::Data::new(State { ledger, tokens, large_bodies, running });
    let app = move || App::new().app_data(state.clone()).configure(routes).wrap(from_fn(log::around));
    let running = HttpServer::new(app)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .max_connections(CONNECTIONS_MAX)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .workers(std::thread::available_parallelism().map_or(2, usize::from))
        .listen(listener)?
        .run();
    Ok(Service { handle: running.handle(), running })
}

/// Writes what happened beside the requests into the log.
pub fn note(text: &str) {
    log::line("background", &format!("says={text:?}"));
}

/// Every route.
#[rustfmt::skip]
fn routes(app: &mut ServiceConfig) {
    app
        .service(at("/v1/participants", [post(acts::register_participant)]))
        .service(at("/v1/participants/{id}", [get(reads::participant)]))
        .service(at("/v1/participants/{id}/refusals", [get(reads::refusals)]))
        .service(at("/v1/participants/{id}/possession", [get(reads::possession)]))
        .service(at("/v1/participants/{id}/certificates", [post(acts::register_certificate)]))
        .service(at("/v1/participants/{id}/certificates/{cid}", [get(reads::certificate)]))

        .service(at("/v1/documents", [get(reads::documents), post(acts::form_document)]))
        .service(at("/v1/documents/{id:[^/:]+}", [get(reads::document)]))
        .service(at("/v1/documents/{id:[^/:]+}:sign", [post(acts::sign)]))
        .service(at("/v1/documents/{id:[^/:]+}:send", [post(acts::send)]))
        .service(at("/v1/documents/{id}/content", [get(reads::content)]))
        .service(at("/v1/documents/{id}/timeline", [get(reads::timeline)]))
        .service(at("/v1/documents/{id}/assessment", [get(reads::assessment)]))
        .service(at("/v1/documents/{id}/signatures", [get(reads::signatures)]))
        .service(at("/v1/documents/{id}/signatures/{event}", [get(reads::signature)]))
        .service(at("/v1/documents/{id}/findings", [post(acts::record_finding)]))
        .service(at("/v1/documents/{id}/evidence", [get(reads::evidence)]))

        .service(at("/v1/deliveries/{id:[^/:]+}", [get(reads::delivery)]))
        .service(at("/v1/deliveries/{id:[^/:]+}:receive", [post(acts::receive)]))
        .service(at("/v1/deliveries/{id:[^/:]+}:recall", [post(acts::recall)]))
        .service(at("/v1/deliveries/{id:[^/:]+}:withdraw", [post(acts::withdraw)]))
        .service(at("/v1/deliveries/{id:[^/:]+}:countersign", [post(acts::countersign)]))
        .service(at("/v1/deliveries/{id:[^/:]+}:refuse", [post(acts::refuse)]))
        .service(at("/v1/deliveries/{id}/receipt", [get(reads::receipt)]))
        .service(at("/v1/deliveries/{id}/statement", [get(reads::statement_of_act)]))
        .service(at("/v1/deliveries/{id}/annulments", [post(acts::propose_annulment)]))
        .service(at("/v1/deliveries/{id}/annulments/{n:[0-9]+}:accept", [post(acts::accept_annulment)]))
        .service(at("/v1/deliveries/{id}/annulments/{n:[0-9]+}:refuse", [post(acts::refuse_annulment)]))
        .service(at("/v1/deliveries/{id}/annulments/{n:[0-9]+}:withdraw", [post(acts::withdraw_annulment)]))

        .service(at("/v1/journals/{direction}", [get(reads::journal)]))
        .service(at("/v1/compromises", [post(acts::report_compromise)]))
        .service(at("/v1/compromises/{id:[^/:]+}:annul", [post(acts::annul_key)]))
        .service(at("/v1/compromises/{id:[^/:]+}:resume", [post(acts::resume_key)]))
        .service(at("/v1/compromises/{id}/impact", [get(reads::impact)]))
        .service(at("/v1/events", [get(feed::events)]))

        .service(at("/v1/ledger/head", [get(proofs::head)]))
        .service(at("/v1/ledger/checkpoints/latest", [get(proofs::checkpoint)]))
        .service(at("/v1/ledger/genesis", [get(proofs::genesis)]))
        .service(at("/v1/ledger/trust-bundle", [get(proofs::trust_bundle)]))
        .service(at("/v1/ledger/proofs/inclusion", [get(proofs::inclusion)]))
        .service(at("/v1/ledger/proofs/consistency", [get(proofs::consistency)]))
        .service(at("/v1/ledger/streams/{kind}/{id:.+}", [get(proofs::stream)]))

        .service(at("/v1/trust", [post(acts::publish_trust)]))
        .service(at("/v1/crls", [post(acts::record_crl)]))
        .service(at("/v1/tokens", [post(acts::create_token)]))

        .service(at("/v1/limits", [get(reads::limits)]))
        .service(at("/v1/status", [get(proofs::status)]))
        .service(at("/livez", [get(proofs::livez)]))
        .service(at("/readyz", [get(proofs::readyz)]))
        .default_service(web::to(|| async { Err::<HttpResponse, _>(Problem::not_found()) }));
}

/// A path with its methods; any other method is told which there are.
fn at<const N: usize>(path: &str, methods: [(Method, Route); N]) -> Resource {
    let mut allow: Vec<String> = methods.iter().map(|(method, _)| method.to_string()).collect();
    if methods.iter().any(|(method, _)| method == Method::GET) {
        allow.push("HEAD".to_owned());
    }
    let allow = allow.join(", ");
    let resource = methods.into_iter().fold(web::resource(path), |resource, (_, route)| resource.route(route));
    resource.default_service(web::to(move || {
        let problem = Problem::method_not_allowed(&allow);
        async { Err::<HttpResponse, _>(problem) }
    }))
}

fn get<F, Args>(handler: F) -> (Method, Route)
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    let reading = guard::Any(guard::Get()).or(guard::Head());
    (Method::GET, web::route().guard(guard::fn_guard(move |context| reading.check(context))).to(handler))
}

fn post<F, Args>(handler: F) -> (Method, Route)
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    (Method::POST, web::post().to(handler))
}

/// What time it is: the edge is where time comes in.
pub fn now() -> Timestamp {
    const EPOCH: Timestamp = match Timestamp::from_unix_ms(0) {
        Some(epoch) => epoch,
        None => panic!("1970 is a year"),
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    EPOCH.plus_ms(ms)
}

/// An error and its causes on one line, as an operator wants to read it.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    problem::chain(error)
}

/// A panic's message may hold what a client sent: from now on only its place is printed, in the whole process.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "-".to_owned(), ToString::to_string);
        log::line("panic", &format!("at={place}"));
    }));
}
