//! `docs/vectors/format-v1.json`: what this crate computes today must be what was published, and what the independent
//! Python code computes. Written anew with `UPDATE_VECTORS=1`; a change of an old value is a change of the format.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::process::Command;

use ledger_core::canonical;
use ledger_core::digest::Digest;
use ledger_core::id::*;
use ledger_core::log::checkpoint::CheckpointBody;
use ledger_core::log::genesis::index_key_commitment;
use ledger_core::log::map::StreamMap;
use ledger_core::log::merkle::leaf_hash;
use ledger_core::log::note::SignerKey;
use ledger_core::log::stream::{StreamFrontier, stream_leaf_hash};
use ledger_core::payload::{Commitment, Salt};
use ledger_core::time::Timestamp;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/format-v1.json");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verify_bundle.py");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn canonical_cases() -> Vec<Value> {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an object", b"{\"a\":1,\"b\":[true,false,\"x\"]}".to_vec()),
        ("the largest integer", b"9007199254740991".to_vec()),
        ("an integer too large", b"9007199254740992".to_vec()),
        ("a leading zero", b"[01]".to_vec()),
        ("a negative number", b"[-1]".to_vec()),
        ("a float", b"[1.0]".to_vec()),
        ("an exponent", b"[1e2]".to_vec()),
        ("null", b"[null]".to_vec()),
        ("an empty array", b"{\"a\":[]}".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("an empty string", b"\"\"".to_vec()),
        ("white space", b"{\"a\": 1}".to_vec()),
        ("a line feed at the end", b"{\"a\":1}\n".to_vec()),
        ("members out of order", b"{\"b\":1,\"a\":1}".to_vec()),
        ("a member twice", b"{\"a\":1,\"a\":1}".to_vec()),
        ("members in the order of UTF-16, not of UTF-8", "{\"\u{1f600}\":1,\"\u{fb33}\":1}".into()),
        ("members in the order of UTF-8, not of UTF-16", "{\"\u{fb33}\":1,\"\u{1f600}\":1}".into()),
        ("the two escapes", b"\"\\\"\\\\\"".to_vec()),
        ("an escaped slash", b"\"\\/\"".to_vec()),
        ("an escaped letter", b"\"\\u0061\"".to_vec()),
        ("an escaped line feed", b"\"\\n\"".to_vec()),
        ("a control character", b"\"\x01\"".to_vec()),
        ("DEL", b"\"\x7f\"".to_vec()),
        ("a noncharacter", "\"\u{fdd0}\"".into()),
        ("the last noncharacter", "\"\u{10ffff}\"".into()),
        ("a letter of Kazakh", "\"\u{49b}\"".into()),
        ("no UTF-8", b"\"\xff\"".to_vec()),
        ("a surrogate in UTF-8", b"\"\xed\xa0\x80\"".to_vec()),
        ("a byte order mark", "\u{feff}1".into()),
        ("nesting of 8", nested(7)),
        ("nesting of 9", nested(8)),
        ("nothing", Vec::new()),
    ];
    let case = |(why, bytes): (&str, Vec<u8>)| json!({"accept": canonical::check(&bytes).is_ok(), "hex": hex(&bytes), "why": why});
    cases.into_iter().map(case).collect()
}

fn payload_cases() -> Vec<Value> {
    let event = EventId::from_time_and_random(Timestamp::from_unix_ms(1_780_272_000_000).unwrap(), [9; 10]);
    let case = |slot: &str, bytes: &[u8]| {
        let salt = Salt::from_random([5; 32]);
        let commitment = Commitment::to_payload(event, &slot.parse().unwrap(), &salt, bytes).unwrap();
        json!({"bytes": hex(bytes), "commitment": commitment, "event": event, "salt": hex(salt.as_bytes()), "slot": slot})
    };
    vec![case("content", b""), case("content", b"agreement"), case("cms", &[7; 64]), case("report-1", &[7; 65])]
}

fn stream_and_map_cases() -> (Vec<Value>, Vec<Value>) {
    let origin = Origin::from_name_and_random("ledger.example", [7; 16]).unwrap();
    let streams = [
        (StreamId::document(DocumentId::from_random([1; 16])), vec![2, 3, 9]),
        (StreamId::participant(ParticipantId::from_random([2; 16])), vec![2]),
        (StreamId::ledger(&origin), vec![0, 4, 5, 6, 258]),
    ];
    let mut map = StreamMap::new();
    let mut cases = Vec::new();
    let mut heads = Vec::new();
    for (stream, indexes) in streams {
        let mut frontier = StreamFrontier::default();
        let mut positions = Vec::new();
        let mut leaves = Vec::new();
        for index in indexes {
            let leaf = leaf_hash(format!("leaf {index}").as_bytes());
            frontier.push(LeafIndex(index), &leaf).unwrap();
            positions.push(json!({"index": index, "leaf_hash": leaf}));
            leaves.push(stream_leaf_hash(LeafIndex(index), &leaf));
        }
        map.insert(stream.map_key(), frontier.head_value()).unwrap();
        heads.push((stream.map_key(), frontier.head_value()));
        cases.push(json!({
            "head": frontier.head_value(), "id": stream.id(), "key": stream.map_key(), "kind": stream.kind().as_str(),
            "positions": positions, "root": frontier.root(), "stream_leaves": leaves,
        }));
    }
    let root = map.root();
    let proof = |key: &Digest| hex(&map.prove(key).encode());
    let maps = heads.iter().map(|(key, value)| json!({"key": key, "proof": proof(key), "root": root, "value": value}));
    (cases, maps.collect())
}

fn id_cases() -> Vec<Value> {
    let participant = ParticipantId::from_random([2; 16]);
    let case = |what: &str, secret: [u8; 32], message: Vec<u8>, id: String| json!({"id": id, "message": hex(&message), "secret": hex(&secret), "what": what});
    let command = [b"edl/v1/command\0".as_slice(), participant.as_bytes(), b"order-1"].concat();
    vec![
        case(
            "identity id",
            [9; 32],
            b"edl/v1/identity\0bin\0990140000385".to_vec(),
            IdentityId::of_number(&[9; 32], IdentityKind::Bin, "990140000385").to_string(),
        ),
        case(
            "command id",
            [4; 32],
            command,
            CommandId::of_idempotency_key(&[4; 32], participant, "order-1").to_string(),
        ),
        case(
            "request digest",
            [4; 32],
            b"edl/v1/request\0{\"a\":1}".to_vec(),
            RequestDigest::of_request(&[4; 32], b"{\"a\":1}").to_string(),
        ),
    ]
}

fn vectors() -> Value {
    let leaf = r#"{"t":"edl/v1/example"}"#;
    let signer = SignerKey::from_seed("ledger.example/07070707070707070707070707070707", &[3; 32]).unwrap();
    let body = CheckpointBody::new(signer.verifier().name(), TreeSize(12), leaf_hash(leaf.as_bytes()));
    let note = body.sign(&signer).unwrap().to_string();
    let digest = |what: &str, tag: &str, data: &[u8], digest: String| json!({"data": hex(data), "digest": digest, "tag": tag, "what": what});
    let (streams, maps) = stream_and_map_cases();
    json!({
        "canonical": canonical_cases(),
        "checkpoints": [{
            "key": signer.verifier().to_string(), "note": note, "origin": body.origin, "root": body.root, "size": 12,
        }],
        "digests": [
            digest("certificate id", "edl/v1/cert", b"der", CertificateId::of_der(b"der").to_string()),
            digest("key id", "edl/v1/key", b"spki", KeyId::of_spki_der(b"spki").to_string()),
            digest("index-key commitment", "edl/v1/indexkey", &[9; 32], index_key_commitment(&[9; 32]).to_string()),
        ],
        "ids": id_cases(),
        "leaves": [{"leaf": leaf, "leaf_hash": leaf_hash(leaf.as_bytes())}],
        "maps": maps,
        "payloads": payload_cases(),
        "streams": streams,
    })
}

#[test]
fn the_published_vectors_are_what_the_code_computes() {
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    assert!(std::fs::read_to_string(FILE).unwrap() == text, "the format differs from docs/vectors/format-v1.json");
}

#[test]
fn the_python_code_computes_the_same_vectors() {
    let output = Command::new("python3").arg(SCRIPT).arg("--vectors").arg(FILE).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains(" 0 differ"), "{text}");
}
