//! Checkpoints (C2SP tlog-checkpoint): the signed statement that a log of this size has this root.

use std::fmt;

use base64ct::{Base64, Encoding};

use super::note::{Note, NoteError, NoteSignature, SignerKey, VerifiedSignature, VerifierKey};
use crate::digest::Digest;
use crate::id::TreeSize;

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointBody {
    /// Name of the log. Logs of others may have any; ours have an [`crate::id::Origin`].
    pub origin: String,
    /// Number of leaves.
    pub size: TreeSize,
    /// Root of the tree.
    pub root: Digest,
    /// Further lines, none of them empty. Our checkpoints have none.
    pub extensions: Vec<String>,
}

/// Why a checkpoint is not one that can be relied upon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it is malformed or not signed by the log's key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not a checkpoint.
    #[error("not a checkpoint: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// It is of another log.
    #[error("the checkpoint is of the log {actual}, not of {expected}")]
    Origin {
        /// The log that was asked for.
        expected: String,
        /// The log of the checkpoint.
        actual: String,
    },
}

const fn malformed(what: &'static str) -> CheckpointError {
    CheckpointError::Malformed { what }
}

impl CheckpointBody {
    /// The statement without extension lines.
    pub fn new(origin: &str, size: TreeSize, root: Digest) -> Self {
        Self { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    /// Reads the text of a checkpoint's note. Printing it gives the same bytes again.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(malformed("the last line does not end"))?;
        let mut lines = lines.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(malformed("no origin"))?;
        let size = lines.next().and_then(parse_decimal).ok_or(malformed("the size is not a decimal u64"))?;
        let root = lines.next().and_then(parse_base64_digest).ok_or(malformed("the root is not base64 of 32 bytes"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(malformed("an empty extension line"));
        }
        Ok(Self { origin: origin.to_owned(), size: TreeSize(size), root, extensions })
    }

    /// Signs the statement.
    pub fn sign(&self, signer: &SignerKey) -> Result<Note, NoteError> {
        Note::sign(self.to_string(), signer)
    }
}

impl fmt::Display for CheckpointBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, Base64::encode_string(self.root.as_bytes()))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A decimal number without sign and leading zeros.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let one_spelling = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| one_spelling)
}

/// Base64 with padding of exactly 32 bytes.
pub(super) fn parse_base64_digest(text: &str) -> Option<Digest> {
    Digest::from_slice(&Base64::decode_vec(text).ok()?)
}

/// A checkpoint signed by the log's key. There is no other way to get one than [`VerifiedCheckpoint::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    note: Note,
    body: CheckpointBody,
    log_key: VerifierKey,
}

impl VerifiedCheckpoint {
    /// Checks that the bytes are a checkpoint of the log `origin`, signed by its key.
    pub fn verify(bytes: &[u8], origin: &str, log_key: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        note.verify(std::slice::from_ref(log_key))?;
        let body = CheckpointBody::parse(note.text())?;
        if body.origin == origin {
            Ok(Self { note, body, log_key: log_key.clone() })
        } else {
            Err(CheckpointError::Origin { expected: origin.to_owned(), actual: body.origin })
        }
    }

    /// What it says.
    pub const fn body(&self) -> &CheckpointBody {
        &self.body
    }

    /// Number of leaves.
    pub const fn size(&self) -> TreeSize {
        self.body.size
    }

    /// Root of the tree.
    pub const fn root(&self) -> &Digest {
        &self.body.root
    }

    /// The note with all signature lines.
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The valid signatures by these keys (witnesses); an invalid one by any of them is an error.
    pub fn cosignatures(&self, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, NoteError> {
        match self.note.verify(keys) {
            Ok(verified) => Ok(verified.verified().to_vec()),
            Err(NoteError::Unverified) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The note with the log's one signature and no cosignatures: what does not change when witnesses sign later.
    pub fn operator_note(&self) -> String {
        let is_logs = |line: &&NoteSignature| line.name == self.log_key.name() && line.key_id == self.log_key.id();
        let line = self.note.signatures().iter().find(is_logs).map(ToString::to_string).unwrap_or_default();
        format!("{}\n{line}\n", self.note.text())
    }

    /// The bytes that an RFC 3161 token covers (format section 5):
    /// "edl/v1/anchor" 00 u32be len || operator's note || u32be len || seal leaf.
    pub fn anchor_message(&self, seal_leaf: &[u8]) -> Vec<u8> {
        let mut message = b"edl/v1/anchor\0".to_vec();
        for part in [self.operator_note().as_bytes(), seal_leaf] {
            // Both are far below 4 GiB: notes and leaves have limits.
            message.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            message.extend_from_slice(part);
        }
        message
    }
}

/// The message that both signatures of a key rotation cover (format section 5):
/// "edl/v1/rotate" 00 genesis || u64be size || root || old key || new key (32 bytes each).
pub fn rotation_message(
    genesis: &Digest,
    size: TreeSize,
    root: &Digest,
    old: &VerifierKey,
    new: &VerifierKey,
) -> Vec<u8> {
    let mut message = b"edl/v1/rotate\0".to_vec();
    message.extend(genesis.as_bytes());
    message.extend(size.0.to_be_bytes());
    for part in [root.as_bytes(), old.public_key(), new.public_key()] {
        message.extend(part);
    }
    message
}

/// The message that a witness signs with Ed25519 (C2SP tlog-cosignature, `cosignature/v1`).
pub fn cosignature_message(at_unix_seconds: u64, checkpoint_text: &str) -> String {
    format!("cosignature/v1\ntime {at_unix_seconds}\n{checkpoint_text}")
}

/// A subtree of somebody's log as a cosigner sees it (C2SP tlog-cosignature, `subtree/v1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignedSubtree {
    /// Name of the cosigner's key, at most 255 bytes.
    pub cosigner: String,
    /// When it was signed, in seconds since 1970.
    pub at_unix_seconds: u64,
    /// Origin of the log, at most 255 bytes.
    pub origin: String,
    /// First leaf.
    pub start: u64,
    /// The leaf after the last.
    pub end: u64,
    /// Root of the subtree.
    pub root: Digest,
}

impl CosignedSubtree {
    /// The message that a cosigner signs with ML-DSA-44; `None` if a name does not fit one length byte.
    pub fn message(&self) -> Option<Vec<u8>> {
        let mut message = b"subtree/v1\n\0".to_vec();
        let mut name = |text: &str, number: u64| {
            message.push(u8::try_from(text.len()).ok()?);
            message.extend_from_slice(text.as_bytes());
            message.extend(number.to_be_bytes());
            Some(())
        };
        name(&self.cosigner, self.at_unix_seconds)?;
        name(&self.origin, self.start)?;
        message.extend(self.end.to_be_bytes());
        message.extend(self.root.as_bytes());
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (SignerKey, Note) {
        let signer = SignerKey::from_seed("ledger.example", &[3; 32]).unwrap();
        let note = CheckpointBody::new("ledger.example", TreeSize(7), Digest::default()).sign(&signer).unwrap();
        (signer, note)
    }

    /// Pitfall 17: what the operator signs names the log and the key, so it cannot be shown for another log.
    #[test]
    fn a_checkpoint_of_another_log_or_key_is_refused() {
        let (signer, note) = signed();
        let bytes = note.to_string().into_bytes();
        let checkpoint = VerifiedCheckpoint::verify(&bytes, "ledger.example", signer.verifier()).unwrap();
        assert_eq!(checkpoint.size(), TreeSize(7));
        let other = VerifiedCheckpoint::verify(&bytes, "ledger.example/2", signer.verifier());
        assert!(matches!(other, Err(CheckpointError::Origin { .. })));
        let stranger = SignerKey::from_seed("ledger.example", &[4; 32]).unwrap();
        let other = VerifiedCheckpoint::verify(&bytes, "ledger.example", stranger.verifier());
        assert_eq!(other, Err(CheckpointError::Note(NoteError::Unverified)));
    }

    #[test]
    fn an_anchor_does_not_change_when_a_witness_signs_later() {
        let (signer, mut note) = signed();
        let verify = |note: &Note| {
            VerifiedCheckpoint::verify(note.to_string().as_bytes(), "ledger.example", signer.verifier()).unwrap()
        };
        let before = verify(&note);
        assert_eq!(before.operator_note(), note.to_string());
        let witness = SignerKey::cosigner_from_seed("witness.example", &[5; 32]).unwrap();
        note.push(witness.cosign(note.text(), 1)).unwrap();
        let after = verify(&note);
        assert_eq!(after.anchor_message(b"seal"), before.anchor_message(b"seal"));
        assert_eq!(after.cosignatures(&[witness.verifier().clone()]).unwrap().len(), 1);
        assert_eq!(before.cosignatures(&[witness.verifier().clone()]).unwrap(), []);
        let message = before.anchor_message(b"seal");
        let length = before.operator_note().len();
        assert!(message.starts_with(b"edl/v1/anchor\0") && message.ends_with(b"\0\0\0\x04seal"));
        assert_eq!(message.len(), 14 + 4 + length + 4 + 4);
    }

    #[test]
    fn a_rotation_message_has_its_fields_in_order() {
        let keys = [1, 2].map(|seed| SignerKey::from_seed("ledger.example", &[seed; 32]).unwrap());
        let [old, new] = keys.each_ref().map(SignerKey::verifier);
        let message = rotation_message(&Digest::new([7; 32]), TreeSize(258), &Digest::new([8; 32]), old, new);
        let parts = [&b"edl/v1/rotate\0"[..], &[7; 32], &[0, 0, 0, 0, 0, 0, 1, 2], &[8; 32]];
        assert_eq!(message, [&parts.concat()[..], old.public_key(), new.public_key()].concat());
    }
}
