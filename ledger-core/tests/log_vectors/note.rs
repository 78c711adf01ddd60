//! Go's and C2SP's signed notes, checkpoints and cosignatures.

use ledger_core::digest::{Digest, encode_hex};
use ledger_core::log::checkpoint::{CheckpointBody, CosignedSubtree, cosignature_message};
use ledger_core::log::note::{Note, NoteError, SignerKey, VerifierKey};
use serde_json::Value;

use super::{hex, json};

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn every_note_is_answered_as_its_case_says() {
    let cases = json("signed-note/note-cases.json");
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let keys: Vec<VerifierKey> = strings(&case["vkeys"]).iter().map(|key| key.parse().unwrap()).collect();
        let bytes = match case["note"].as_str() {
            Some(note) => note.as_bytes().to_vec(),
            None => hex(case["note_hex"].as_str().unwrap()),
        };
        let result = Note::parse(&bytes).and_then(|note| {
            assert_eq!(note.to_string().as_bytes(), bytes, "{name}");
            note.verify(&keys)
        });
        let Some(error) = case["want_error"].as_str() else {
            let note = result.unwrap();
            let id = |name: &str, id: [u8; 4]| format!("{name}+{}", encode_hex(&id));
            let verified: Vec<_> = note.verified().iter().map(|known| id(known.key.name(), known.key.id())).collect();
            let others: Vec<_> = note.unverified().iter().map(|line| id(&line.name, line.key_id)).collect();
            assert_eq!(verified, strings(&case["verified"]), "{name}");
            assert_eq!(others, strings(&case["unverified_names"]), "{name}");
            continue;
        };
        let expected = match result.as_ref().unwrap_err() {
            NoteError::Unverified => "no verifiable signatures",
            NoteError::AmbiguousKey { .. } => "ambiguous key",
            NoteError::InvalidSignature { .. } => "invalid signature",
            NoteError::Malformed { .. } | NoteError::TooLong { .. } => "malformed",
        };
        assert!(error.starts_with(expected), "{name}: {result:?}");
    }
}

#[test]
fn the_signature_is_the_expected_one_and_the_example_of_c2sp_verifies() {
    let cases = json("signed-note/note-cases.json");
    let sign = &cases["sign"];
    let signer = SignerKey::parse(sign["skey_test_only"].as_str().unwrap()).unwrap();
    let note = Note::sign(sign["text"].as_str().unwrap().to_owned(), &signer).unwrap();
    assert_eq!(note.to_string(), sign["want"].as_str().unwrap());
    assert!(!format!("{signer:?}").contains("AYEK"));
    let example = &cases["c2sp_example"];
    let key = example["vkey"].as_str().unwrap().parse().unwrap();
    let note = Note::parse(example["note"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(note.verify(&[key]).unwrap().verified().len(), 1);
}

#[test]
fn a_key_with_any_change_is_refused() {
    let cases = json("signed-note/note-cases.json");
    for bad in strings(&cases["bad_vkeys"]) {
        assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
    }
    let good = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(good.parse::<VerifierKey>().unwrap().to_string(), good);
    for start in 0..good.len() {
        for end in start..=good.len() {
            let part = &good[start..end];
            assert!(part == good || part.parse::<VerifierKey>().is_err(), "{part}");
        }
        let mut bytes = good.as_bytes().to_vec();
        bytes[start] += 1;
        let changed = String::from_utf8(bytes).unwrap();
        assert!(changed.parse::<VerifierKey>().is_err(), "{changed}");
    }
}

#[test]
fn checkpoint_texts_are_read_and_printed_or_refused() {
    let cases = json("tlog-checkpoint/checkpoint-text-cases.json");
    for text in strings(&cases["valid"]) {
        assert_eq!(CheckpointBody::parse(text).unwrap().to_string(), text);
    }
    let invalid = cases["invalid"].as_array().unwrap();
    assert_eq!(invalid.len(), 8);
    for case in invalid {
        assert!(CheckpointBody::parse(case["text"].as_str().unwrap()).is_err(), "{}", case["why"]);
    }
}

#[test]
fn cosigners_sign_the_bytes_of_the_specification() {
    let case = json("tlog-checkpoint/cosignature-layout.json");
    let ed25519 = &case["ed25519_signed_message"];
    let body = ed25519["checkpoint_body"].as_str().unwrap();
    let message = cosignature_message(ed25519["time"].as_u64().unwrap(), body);
    assert_eq!(message, ed25519["want"].as_str().unwrap());
    let subtree = &case["mldsa44_signed_message"];
    let text = |name: &str| subtree[name].as_str().unwrap().to_owned();
    let number = |name: &str| u64::from_str_radix(&text(name), 16).unwrap();
    let message = CosignedSubtree {
        cosigner: text("cosigner_name"),
        at_unix_seconds: number("timestamp_hex"),
        origin: text("log_origin"),
        start: number("start_hex"),
        end: number("end_hex"),
        root: text("hash_hex").parse::<Digest>().unwrap(),
    };
    assert_eq!(encode_hex(&message.message().unwrap()), text("want_hex"));
}
