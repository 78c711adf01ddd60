//! The edge alone: who may call, what a request must look like, and that no request breaks the service.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use ledger_api::server::auth::Role;
use ledger_core::id::ParticipantId;
use proptest::prelude::*;
use serde_json::{Value, json};

use self::support::{Client, Service};

mod support;

const ID: &str = "0123456789abcdef0123456789abcdef";
const CID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn registration(number: &str) -> Value {
    json!({"identity_kind": "bin", "number": number, "name": "Alpha LLP", "kind": "legal-entity", "terms": "idocs-2021-10-11"})
}

#[test]
fn nobody_gets_in_without_a_valid_token() {
    let service = Service::start();
    let good = service.operator();
    let token = good.token.clone().unwrap();
    assert_eq!(good.get("/v1/status").status, 200);
    let (last, rest) = (token.chars().last().unwrap(), &token[..token.len() - 1]);
    let changed = format!("{rest}{}", if last == 'A' { 'B' } else { 'A' });
    for (name, headers) in [
        ("none", vec![]),
        ("changed", vec![format!("Bearer {changed}")]),
        ("cut", vec![format!("Bearer {rest}")]),
        ("another scheme", vec![format!("Basic {token}")]),
        ("no scheme", vec![token.clone()]),
        ("twice", vec![format!("Bearer {token}"), format!("Bearer {token}")]),
        ("empty", vec!["Bearer ".to_owned()]),
    ] {
        let headers: Vec<_> = headers.iter().map(|value| ("Authorization", value.as_str())).collect();
        for (method, path) in [("GET", "/v1/status"), ("GET", "/v1/documents"), ("POST", "/v1/documents")] {
            let reply = service.stranger().send(method, path, &headers, b"");
            reply.problem(401, "unauthorized");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{name}");
            assert!(!reply.to_string().contains(&token), "{name}");
        }
    }
}

#[test]
fn what_everybody_may_check_needs_no_token() {
    let service = Service::start();
    for path in [
        "/livez",
        "/readyz",
        "/v1/limits",
        "/v1/ledger/head",
        "/v1/ledger/checkpoints/latest",
        "/v1/ledger/genesis",
        "/v1/ledger/trust-bundle",
    ] {
        assert_eq!(service.stranger().get(path).status, 200, "{path}");
    }
    assert_eq!(service.stranger().send("HEAD", "/livez", &[], b"").status, 200);
}

#[test]
fn roles_may_do_what_is_theirs_and_nothing_else() {
    let service = Service::start();
    let participant = service.participant(ID);
    let (operator, auditor) = (service.operator(), service.client(Role::Auditor));
    let document = json!({"format": "text", "title": "t", "content_base64": "aGk="});
    participant.post("/v1/participants", "k", &registration("990740001235")).problem(403, "forbidden");
    participant.post("/v1/trust", "k", &json!({})).problem(403, "forbidden");
    participant.post("/v1/crls", "k", &json!({})).problem(403, "forbidden");
    participant.post("/v1/tokens", "k", &json!({})).problem(403, "forbidden");
    operator.post("/v1/documents", "k", &document).problem(403, "forbidden");
    for path in ["/v1/documents", "/v1/participants", "/v1/compromises"] {
        auditor.post(path, "k", &document).problem(403, "forbidden");
    }
    auditor.post(&format!("/v1/deliveries/{ID}:receive"), "k", &json!({})).problem(403, "forbidden");
    auditor.post("/v1/tokens", "k", &json!({})).problem(403, "forbidden");
}

#[test]
fn what_is_another_participants_is_not_there() {
    let service = Service::start();
    let other = "ffffffffffffffffffffffffffffffff";
    let stranger = service.participant(other);
    for path in [
        format!("/v1/participants/{ID}"),
        format!("/v1/participants/{ID}/possession"),
        format!("/v1/participants/{ID}/certificates/{CID}"),
        format!("/v1/documents/{ID}"),
        format!("/v1/documents/{ID}/content"),
        format!("/v1/documents/{ID}/timeline"),
        format!("/v1/documents/{ID}/assessment"),
        format!("/v1/documents/{ID}/signatures"),
        format!("/v1/documents/{ID}/evidence"),
        format!("/v1/deliveries/{ID}"),
        format!("/v1/deliveries/{ID}/receipt"),
        format!("/v1/deliveries/{ID}/statement?act=recall"),
        format!("/v1/compromises/{CID}/impact"),
        format!("/v1/ledger/streams/participant/{ID}"),
        format!("/v1/ledger/streams/key/{CID}"),
        format!("/v1/ledger/streams/certificate/{CID}"),
        "/v1/documents/not-an-id".to_owned(),
        "/v1/journals/sideways?year=2026".to_owned(),
        "/v2/documents".to_owned(),
        "/".to_owned(),
    ] {
        stranger.get(&path).problem(404, "not-found");
    }
    let key = json!({"certificate": "AQID", "possession": "AQID"});
    stranger.post(&format!("/v1/participants/{ID}/certificates"), "k", &key).problem(404, "not-found");
    service
        .participant(ID)
        .get(&format!("/v1/journals/incoming?year=2026&participant={other}"))
        .problem(400, "query-invalid");
}

#[test]
fn an_unknown_method_is_told_which_there_are() {
    let service = Service::start();
    for (method, path, allow) in [
        ("DELETE", "/v1/documents", "GET, POST, HEAD"),
        ("GET", "/v1/participants", "POST"),
        ("POST", "/livez", "GET, HEAD"),
        ("PUT", "/v1/documents/x:sign", "POST"),
    ] {
        let reply = service.operator().send(method, path, &[], b"");
        reply.problem(405, "method-not-allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[test]
fn an_act_needs_an_idempotency_key_of_its_own() {
    let service = Service::start();
    let operator = service.operator();
    let json_type = ("Content-Type", "application/json");
    let body = registration("990740001235").to_string();
    let send = |headers: &[(&str, &str)]| operator.send("POST", "/v1/participants", headers, body.as_bytes());
    send(&[json_type]).problem(400, "idempotency-key-missing");
    let long = "k".repeat(129);
    for bad in ["", " ", "a b", "ключ", "edl:mine", long.as_str()] {
        send(&[json_type, ("Idempotency-Key", bad)]).problem(400, "idempotency-key-invalid");
    }
    send(&[json_type, ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]).problem(400, "idempotency-key-invalid");

    let first = operator.post("/v1/participants", "one", &registration("990740001235"));
    assert_eq!(first.status, 201, "{first}");
    assert_eq!(first.header("idempotency-replayed"), None);
    assert!(first.header("location").unwrap().starts_with("/v1/participants/"), "{first}");
    let again = operator.post("/v1/participants", "one", &registration("990740001235"));
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!(again.body, first.body);
    let mut other = registration("990740001235");
    other["name"] = "Beta LLP".into();
    operator.post("/v1/participants", "one", &other).problem(422, "idempotency-key-reused");
}

#[test]
fn a_dry_run_finds_everything_and_does_nothing() {
    let service = Service::start();
    let operator = service.operator();
    let path = "/v1/participants?dry_run=true";
    let body = registration("990740001235").to_string();
    for _ in 0..2 {
        let reply = operator.send("POST", path, &[("Content-Type", "application/json")], body.as_bytes());
        assert_eq!(reply.ok(200)["would_pass"], true);
    }
    operator.post(path, "k", &registration("990740001236")).problem(422, "invalid-bin");
}

/// Who asks, the path, media type and body; the status and problem type; a field that the findings must name.
type BadRequest<'a> = (&'a Client, &'a str, &'a str, &'a [u8], u16, &'a str, &'a str);

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_bad_request_has_its_own_problem() {
    let service = Service::start();
    let (participant, operator) = (service.participant(ID), service.operator());
    let sign = format!("/v1/documents/{ID}:sign");
    let send = format!("/v1/documents/{ID}:send");
    let recall = format!("/v1/deliveries/{ID}:recall");
    let withdraw = format!("/v1/deliveries/{ID}:withdraw");
    let certificates = format!("/v1/participants/{ID}/certificates");
    let pem_key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let json_type = "application/json";
    let deep = "[".repeat(100_000);
    let digits = format!("{{\"group\":{}}}", "9".repeat(100_000));
    let members: Vec<_> = (0..20_000).map(|number| format!("\"m{number}\":1")).collect();
    let many = format!("{{{}}}", members.join(","));
    let rows: &[BadRequest<'_>] = &[
        (&participant, "/v1/documents", "text/plain", b"x", 415, "media-type-unsupported", ""),
        (&participant, "/v1/documents", "", b"{}", 415, "media-type-unsupported", ""),
        (&participant, "/v1/documents", json_type, b"", 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, b"{", 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, b"{\"title\":null}", 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, br#"{"title":"a","title":"b"}"#, 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, deep.as_bytes(), 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, br#"{"group":1e400}"#, 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, br#"{"group":-1}"#, 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, digits.as_bytes(), 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, many.as_bytes(), 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, b"\xff\xfe", 400, "body-malformed", ""),
        (&participant, "/v1/documents", json_type, b"[]", 422, "body-invalid", "title"),
        (&participant, "/v1/documents", json_type, b"{}", 422, "body-invalid", "content_base64"),
        (
            &operator,
            "/v1/trust",
            json_type,
            br#"{"anchors":[],"terms":[{"certificate":"0000000000000000000000000000000000000000000000000000000000000000","purposes":["all"]}]}"#,
            422,
            "body-invalid",
            "terms/0/purposes",
        ),
        (&operator, "/v1/trust", json_type, br#"{"anchors":[],"terms":[{}]}"#, 422, "body-invalid", "terms/0/certificate"),
        (
            &participant,
            "/v1/documents",
            json_type,
            br#"{"format":"docx","title":"t","content_base64":"aGk="}"#,
            422,
            "format-unknown",
            "format",
        ),
        (
            &participant,
            "/v1/documents",
            json_type,
            br#"{"format":"text","title":"t","content_base64":"aGk"}"#,
            422,
            "body-invalid",
            "content_base64",
        ),
        (
            &participant,
            "/v1/documents",
            json_type,
            br#"{"format":"text","title":"t","content_base64":"aGk=","sha256":"00"}"#,
            422,
            "body-invalid",
            "sha256",
        ),
        (
            &participant,
            "/v1/documents",
            json_type,
            br#"{"format":"text","title":"t","content_base64":"aGk=","signers":[{"participant":"x"}]}"#,
            422,
            "body-invalid",
            "signers/0/participant",
        ),
        (
            &participant,
            "/v1/documents",
            json_type,
            br#"{"format":"text","title":"t","content_base64":"aGk=","sender":"x"}"#,
            422,
            "body-invalid",
            "sender",
        ),
        (
            &participant,
            "/v1/documents",
            json_type,
            br#"{"format":"text","title":"t","content_base64":"MIIBAAIBAzCC"}"#,
            422,
            "private-key-material-refused",
            "content_base64",
        ),
        (
            &participant,
            "/v1/documents?dry_run=maybe",
            json_type,
            br#"{"format":"text","title":"t","content_base64":"aGk="}"#,
            400,
            "query-invalid",
            "dry_run",
        ),
        (
            &participant,
            "/v1/documents?x=1",
            json_type,
            br#"{"format":"text","title":"t","content_base64":"aGk="}"#,
            400,
            "query-invalid",
            "x",
        ),
        (&participant, "/v1/documents?format=pdf", "application/octet-stream", b"%PDF-", 422, "body-invalid", ""),
        (&participant, &sign, "text/plain", b"x", 415, "media-type-unsupported", ""),
        (&participant, &sign, json_type, b"{}", 422, "body-invalid", "cms"),
        (&participant, &sign, json_type, br#"{"cms":"***"}"#, 422, "body-invalid", "cms"),
        (
            &participant,
            &sign,
            "application/pkcs7-signature",
            pem_key.as_bytes(),
            422,
            "private-key-material-refused",
            "",
        ),
        (
            &participant,
            &sign,
            "application/pkcs7-signature",
            &[0x30, 0x82, 1, 0, 2, 1, 3, 0x30, 0x82],
            422,
            "private-key-material-refused",
            "",
        ),
        (
            &participant,
            &send,
            json_type,
            br#"{"recipients":[{"participant":"x","answer":"maybe"}]}"#,
            422,
            "body-invalid",
            "recipients/0/answer",
        ),
        (&participant, &recall, json_type, br#"{"cms":"AQID","reason":"x"}"#, 422, "body-invalid", "reason"),
        (&participant, &withdraw, json_type, br#"{"cms":"AQID"}"#, 422, "body-invalid", "reason"),
        (
            &participant,
            &certificates,
            json_type,
            br#"{"certificate":"MIIBAAIBADAN","possession":"AQID"}"#,
            422,
            "private-key-material-refused",
            "certificate",
        ),
        (
            &participant,
            &certificates,
            json_type,
            br#"{"certificate":"AQID","chain":["x"],"possession":"AQID"}"#,
            422,
            "body-invalid",
            "chain",
        ),
        (
            &participant,
            "/v1/compromises",
            json_type,
            br#"{"key":"00","learned_at":"yesterday","claimed_since":"2026-01-01T00:00:00.000Z"}"#,
            422,
            "body-invalid",
            "learned_at",
        ),
        (&operator, "/v1/compromises", json_type, b"{}", 422, "body-invalid", "channel"),
        (
            &operator,
            "/v1/participants",
            json_type,
            br#"{"identity_kind":"passport","number":"1","name":"n","kind":"legal-entity","terms":"no such terms!"}"#,
            422,
            "terms-unknown",
            "identity_kind",
        ),
        (&operator, "/v1/tokens", json_type, br#"{"role":"operator"}"#, 422, "body-invalid", "role"),
        (
            &operator,
            "/v1/tokens",
            json_type,
            format!(r#"{{"role":"participant","participant":"{ID}"}}"#).leak().as_bytes(),
            422,
            "participant-unknown",
            "",
        ),
        (&operator, "/v1/trust", json_type, br#"{"anchors":["AQID",5]}"#, 422, "body-invalid", "anchors"),
    ];
    for (client, path, media_type, body, status, slug, field) in rows {
        let headers = [("Content-Type", *media_type), ("Idempotency-Key", "k")];
        let headers = if media_type.is_empty() { &headers[1..] } else { &headers[..] };
        let reply = client.send("POST", path, headers, body);
        let problem = reply.problem(*status, slug);
        if !field.is_empty() {
            let findings = problem["findings"].as_array().unwrap();
            assert!(findings.iter().any(|finding| finding["field"] == *field), "{path}: {reply}");
        }
    }
    for path in ["/v1/documents?limit=0", "/v1/documents?limit=201", "/v1/documents?limit=1&limit=2", "/v1/events?by=x"]
    {
        operator.get(path).problem(400, "query-invalid");
    }
    for path in ["/v1/documents?after=x", "/v1/events?after=-1", "/v1/events?after=99999999999999999999"] {
        operator.get(path).problem(400, "cursor-invalid");
    }
}

#[test]
fn everything_wrong_with_a_body_is_told_at_once() {
    let service = Service::start();
    let reply = service.operator().post("/v1/participants", "k", &json!({"number": 5, "nickname": "x"}));
    let problem = reply.problem(422, "body-invalid");
    let mut fields: Vec<_> =
        problem["findings"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["identity_kind", "kind", "name", "nickname", "number", "terms"]);
}

#[test]
fn no_answer_repeats_what_was_sent() {
    let service = Service::start();
    let operator = service.operator();
    let secret = "850101300123";
    for body in [
        json!({"identity_kind": secret, "number": [secret], "name": {"x": secret}, "kind": secret, secret: secret}),
        json!({"identity_kind": "iin", "number": secret, "name": secret, "kind": "legal-entity", "terms": secret}),
        json!(secret),
    ] {
        let reply = operator.post("/v1/participants", "k", &body);
        assert!(reply.status >= 400 && !reply.to_string().contains(secret), "{reply}");
    }
    let reply = operator.get(&format!("/v1/documents?{secret}={secret}"));
    assert!(!reply.to_string().contains(secret), "{reply}");
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let service = Service::start();
    for (path, declared) in [("/v1/documents", "92000000"), ("/v1/compromises", "1048577")] {
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k"), ("Content-Length", declared)];
        service.participant(ID).send("POST", path, &headers, b"{").problem(413, "body-too-large");
    }
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k")];
    let chunk = [b"100000\r\n".as_slice(), &b" ".repeat(0x10_0000), b"\r\n"].concat();
    let chunked = [chunk.as_slice(), &chunk, b"0\r\n\r\n"].concat();
    let token = service.participant(ID).token.unwrap();
    let mut request =
        b"POST /v1/compromises HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n".to_vec();
    for (name, value) in headers.iter().chain([&("Authorization", format!("Bearer {token}").as_str())]) {
        request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(&chunked);
    service.stranger().raw(&request).problem(413, "body-too-large");
}

/// What a connection may send: each is answered once, and never read as two requests.
#[test]
fn the_wire_has_limits_and_no_second_reading() {
    let service = Service::start();
    let token = service.participant(ID).token.unwrap();
    let act = |headers: &str, body: &str| {
        let head = "Host: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\nConnection: close";
        format!("POST /v1/compromises HTTP/1.1\r\n{head}\r\nAuthorization: Bearer {token}\r\n{headers}\r\n{body}")
    };
    let get = |line: &str, headers: &str| format!("{line}\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    let hidden = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    // Extensions of chunks are skipped and never kept, so they have no limit but the body's time.
    for (name, request, status) in [
        ("plain", get("GET /livez HTTP/1.1", ""), 200),
        ("ninety headers", get("GET /livez HTTP/1.1", &"x: y\r\n".repeat(90)), 200),
        ("a thousand headers", get("GET /livez HTTP/1.1", &"x: y\r\n".repeat(1000)), 431),
        ("a header of 60 kB", get("GET /livez HTTP/1.1", &format!("x: {}\r\n", "y".repeat(60_000))), 200),
        ("a header of 200 kB", get("GET /livez HTTP/1.1", &format!("x: {}\r\n", "y".repeat(200_000))), 431),
        ("a path of 100 kB", get(&format!("GET /{} HTTP/1.1", "a".repeat(100_000)), ""), 400),
        ("two lengths", act("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x"), 400),
        ("a negative length", act("Content-Length: -2\r\n", "{}"), 400),
        ("a length with a sign", act("Content-Length: +2\r\n", "{}"), 400),
        ("a list of lengths", act("Content-Length: 2, 2\r\n", "{}"), 400),
        ("length and chunks", act(&format!("Content-Length: 4\r\n{chunked}"), &format!("0\r\n\r\n{hidden}")), 400),
        ("chunks and length", act(&format!("{chunked}Content-Length: 4\r\n"), &format!("0\r\n\r\n{hidden}")), 400),
        ("chunks twice", act(&format!("{chunked}{chunked}"), "0\r\n\r\n"), 400),
        ("an unknown coding", act("Transfer-Encoding: gzip\r\n", "{}"), 400),
        ("chunks in other words", act("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400),
        ("a chunk without a size", act(chunked, "zz\r\n{}\r\n0\r\n\r\n"), 400),
        ("a chunk of 2^64", act(chunked, "10000000000000000\r\n{}\r\n0\r\n\r\n"), 400),
        ("chunk extensions of 2 MB", act(chunked, &format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(2_000_000))), 422),
        ("a folded header", get("GET /livez HTTP/1.1", "x: y\r\n z\r\n"), 400),
        ("a space before the colon", get("GET /livez HTTP/1.1", "x : y\r\n"), 400),
        ("a zero in a header", get("GET /livez HTTP/1.1", "x: \0\r\n"), 400),
        ("no version", "GET /livez\r\n\r\n".to_owned(), 400),
        ("another protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        ("a head that stops", "GET /livez HTTP/1.1\r\nHost".to_owned(), 408),
    ] {
        let reply = service.stranger().raw(request.as_bytes());
        assert_eq!(reply.status, status, "{name}: {reply}");
        let answers = reply.to_string().matches("HTTP/1.1 ").count();
        assert_eq!(answers, 1, "{name}: {reply}");
    }
    assert_eq!(service.stranger().get("/livez").status, 200);
}

#[test]
fn the_operator_hands_out_tokens_and_revoking_takes_effect_at_once() {
    let service = Service::start();
    let made = service.operator().post("/v1/tokens", "k", &json!({"role": "auditor"}));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.ok(201);
    let mut auditor = service.stranger();
    auditor.token = Some(made["token"].as_str().unwrap().to_owned());
    assert_eq!(auditor.get("/v1/status").status, 200);
    service.tokens.revoke(made["user"].as_str().unwrap().parse().unwrap()).unwrap();
    auditor.get("/v1/status").problem(401, "unauthorized");
}

#[test]
fn every_answer_carries_a_request_id_and_forbids_sniffing() {
    let service = Service::start();
    for reply in
        [service.stranger().get("/livez"), service.stranger().get("/nowhere"), service.operator().get("/v1/status")]
    {
        assert_eq!(reply.header("request-id").unwrap().len(), 16, "{reply}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
}

const PATHS: [&str; 12] = [
    "/v1/participants",
    "/v1/documents",
    "/v1/documents/0123456789abcdef0123456789abcdef:sign",
    "/v1/documents/0123456789abcdef0123456789abcdef:send",
    "/v1/deliveries/0123456789abcdef0123456789abcdef:countersign",
    "/v1/deliveries/0123456789abcdef0123456789abcdef/annulments",
    "/v1/compromises",
    "/v1/trust",
    "/v1/crls",
    "/v1/tokens",
    "/v1/events",
    "/v1/ledger/streams/document/0123456789abcdef0123456789abcdef",
];

fn hostile_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[A-Za-z0-9+/]{0,40}={0,2}".prop_map(Value::from),
        Just(Value::from(ID)),
        Just(Value::from(CID)),
        Just(Value::from("2026-01-01T00:00:00.000Z")),
        Just(Value::Null),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "identity_kind",
            "number",
            "name",
            "kind",
            "terms",
            "format",
            "title",
            "content_base64",
            "signers",
            "participant",
            "recipients",
            "cms",
            "reason",
            "key",
            "learned_at",
            "claimed_since",
            "anchors",
            "crl",
            "role",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8).prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

#[test]
fn no_body_whatever_breaks_the_service() {
    let service = Service::start();
    let clients = [service.operator(), service.client(Role::Participant(ParticipantId::from_random([1; 16])))];
    let body = prop_oneof![
        hostile_json().prop_map(|json| json.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..300),
    ];
    let media =
        prop::sample::select(vec!["application/json", "application/pkcs7-signature", "application/octet-stream", "x"]);
    let method = prop::sample::select(vec!["POST", "POST", "POST", "GET", "PATCH"]);
    let path = prop::sample::select(PATHS.to_vec());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 400, ..ProptestConfig::default() });
    let law = runner.run(&(0..2_usize, method, path, media, body), |(who, method, path, media, body)| {
        let headers = [("Content-Type", media), ("Idempotency-Key", "k")];
        let reply = clients[who].send(method, path, &headers, &body);
        prop_assert!((200..500).contains(&reply.status), "{method} {path}: {reply}");
        Ok(())
    });
    law.unwrap();
    assert_eq!(service.stranger().get("/livez").status, 200);
}

#[test]
fn no_bytes_on_the_wire_break_the_service() {
    let service = Service::start();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 100, ..ProptestConfig::default() });
    let path = "[ -~]{0,200}";
    let law = runner.run(&(path, "[ -~]{0,60}"), |(path, value)| {
        let request = format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {value}\r\n\r\n");
        let reply = service.stranger().raw(request.as_bytes());
        prop_assert!(reply.status < 500, "{reply}");
        Ok(())
    });
    law.unwrap();
    assert_eq!(service.stranger().get("/livez").status, 200);
}
