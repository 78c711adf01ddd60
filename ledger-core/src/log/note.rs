//! Signed notes (C2SP signed-note): a text, a blank line, signature lines; and the keys that go with them.

use base64ct::{Base64, Encoding};

mod key;

pub use key::{KeyAlgorithm, KeyError, SignerKey, VerifierKey, key_id};

/// The longest note in bytes. Checkpoints have less than 1 KiB and a hundred witnesses add 20 KiB; Go's
/// implementation refuses more than this as well.
pub const NOTE_BYTES_MAX: usize = 1_000_000;
/// The most signatures. C2SP wants at least 16; Go's implementation refuses more than 100, and each costs a verification.
pub const SIGNATURES_MAX: usize = 100;

/// A note as it was read: nothing about it is known to be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// The key's id (see [`key_id`]); only a hint, two keys can share it.
    pub key_id: [u8; 4],
    /// What the key's algorithm made of the text.
    pub signature: Vec<u8>,
}

/// Why a note cannot be read, or says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More than [`NOTE_BYTES_MAX`].
    #[error("the note has {bytes} bytes, at most {NOTE_BYTES_MAX} are read")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// Not a note.
    #[error("not a signed note: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// A known key's signature does not verify: the note was changed or forged.
    #[error("the signature of {name} is not valid")]
    InvalidSignature {
        /// Name of the key.
        name: String,
    },
    /// Two of the known keys have the name and the id of one signature.
    #[error("more than one known key fits the signature of {name}")]
    AmbiguousKey {
        /// Name of the keys.
        name: String,
    },
    /// No signature is by a known key.
    #[error("no signature by a known key")]
    Unverified,
}

const fn malformed(what: &'static str) -> NoteError {
    NoteError::Malformed { what }
}

impl Note {
    /// Reads a note. Printing it gives the same bytes again.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { bytes: bytes.len() });
        }
        let note = std::str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
        let (text, lines) = note.rsplit_once("\n\n").ok_or(malformed("no blank line before the signatures"))?;
        // The first of the two line feeds belongs to the text.
        let text = format!("{text}\n");
        check_text(&text)?;
        let lines = lines.strip_suffix('\n').ok_or(malformed("the last line does not end"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return Err(malformed("too many signatures"));
            }
            signatures.push(parse_line(line).ok_or(malformed("a signature line is not one"))?);
        }
        Ok(Self { text, signatures })
    }

    /// Makes a note of a text that ends in a line feed, signed by one key.
    pub fn sign(text: String, signer: &SignerKey) -> Result<Self, NoteError> {
        check_text(&text)?;
        let signature = signer.sign(&text);
        Ok(Self { text, signatures: vec![signature] })
    }

    /// Adds a signature line.
    pub fn push(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.len() == SIGNATURES_MAX {
            return Err(malformed("too many signatures"));
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// The text with its last line feed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Checks all signatures by keys of the list; one that does not verify condemns the note, for somebody changed it.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<VerifiedNote, NoteError> {
        let mut verified: Vec<VerifiedSignature> = Vec::new();
        let mut unverified: Vec<NoteSignature> = Vec::new();
        for signature in &self.signatures {
            let mut fitting = keys.iter().filter(|key| key.name() == signature.name && key.id() == signature.key_id);
            let Some(key) = fitting.next() else {
                if !unverified.contains(signature) {
                    unverified.push(signature.clone());
                }
                continue;
            };
            if fitting.next().is_some() {
                return Err(NoteError::AmbiguousKey { name: signature.name.clone() });
            }
            let signed_at_unix_seconds = key
                .verify(&self.text, &signature.signature)
                .map_err(|_| NoteError::InvalidSignature { name: signature.name.clone() })?;
            if !verified.iter().any(|known| known.key == *key) {
                verified.push(VerifiedSignature { key: key.clone(), signed_at_unix_seconds });
            }
        }
        if verified.is_empty() {
            return Err(NoteError::Unverified);
        }
        Ok(VerifiedNote { text: self.text.clone(), verified, unverified })
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl std::fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [&self.key_id[..], &self.signature].concat();
        write!(f, "\u{2014} {} {}", self.name, Base64::encode_string(&bytes))
    }
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, base64) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = Base64::decode_vec(base64).ok()?;
    let (key_id, signature) = bytes.split_first_chunk()?;
    (key::is_name(name) && !signature.is_empty()).then(|| NoteSignature {
        name: name.to_owned(),
        key_id: *key_id,
        signature: signature.to_vec(),
    })
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(malformed("a control character"));
    }
    // "\n" alone is what remains of a note without a text.
    if text.ends_with('\n') && text != "\n" { Ok(()) } else { Err(malformed("no text that ends in a line feed")) }
}

/// A note with at least one valid signature by a known key. There is no other way to get one than [`Note::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNote {
    text: String,
    verified: Vec<VerifiedSignature>,
    unverified: Vec<NoteSignature>,
}

/// A signature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// The known key.
    pub key: VerifierKey,
    /// When a cosigner says it signed, in seconds since 1970; plain signatures do not say. Zero says nothing either.
    pub signed_at_unix_seconds: Option<u64>,
}

impl VerifiedNote {
    /// The text with its last line feed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures by known keys, each key once.
    pub fn verified(&self) -> &[VerifiedSignature] {
        &self.verified
    }

    /// The signatures by others.
    pub fn unverified(&self) -> &[NoteSignature] {
        &self.unverified
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_note_is_signed_printed_read_and_verified() {
        let signer = SignerKey::from_seed("ledger.example/log", &[3; 32]).unwrap();
        let mut note = Note::sign("one\n\ntwo\n".to_owned(), &signer).unwrap();
        let witness = SignerKey::cosigner_from_seed("witness.example", &[4; 32]).unwrap();
        note.push(witness.cosign(note.text(), 1_700_000_000)).unwrap();
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(read, note);
        let verified = read.verify(&[witness.verifier().clone(), signer.verifier().clone()]).unwrap();
        let times: Vec<_> = verified.verified().iter().map(|known| known.signed_at_unix_seconds).collect();
        assert_eq!(times, [None, Some(1_700_000_000)]);
        assert_eq!(read.verify(&[]), Err(NoteError::Unverified));
        for text in ["", "\n", "no end", "tab\t\n"] {
            assert!(Note::sign(text.to_owned(), &signer).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_cosigners_key_does_not_verify_a_plain_signature() {
        let plain = SignerKey::from_seed("witness.example", &[4; 32]).unwrap();
        let cosigner = SignerKey::cosigner_from_seed("witness.example", &[4; 32]).unwrap();
        assert_ne!(plain.verifier().id(), cosigner.verifier().id());
        assert!(cosigner.verifier().verify("text\n", &plain.sign("text\n").signature).is_err());
    }

    proptest! {
        #[test]
        fn any_single_bit_flip_is_found(place in any::<prop::sample::Index>(), bit in 0_u32..8) {
            let signer = SignerKey::from_seed("ledger.example", &[3; 32]).unwrap();
            let mut bytes = Note::sign("origin\n1\nroot\n".to_owned(), &signer).unwrap().to_string().into_bytes();
            let place = place.index(bytes.len());
            bytes[place] ^= 1_u8 << bit;
            let verified = Note::parse(&bytes).and_then(|note| note.verify(&[signer.verifier().clone()]));
            prop_assert!(verified.is_err());
        }

        #[test]
        fn what_is_read_prints_as_it_was(bytes in "[a\n\u{2014} =]{0,20}\n\n(\u{2014} [a+b ]{1,3} [A-D]{6}..\n){0,3}") {
            if let Ok(note) = Note::parse(bytes.as_bytes()) {
                prop_assert_eq!(note.to_string(), bytes);
            }
        }
    }
}
