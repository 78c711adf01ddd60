//! The structure of an evidence record (RFC 4998 section 3 and appendix), cut out of the original bytes.

use crate::pki::asn1::{AlgorithmIdentifier, Asn1Error, Tlv, tag};
use crate::pki::limits::{
    ARCHIVE_TIMESTAMP_CHAINS_MAX, ARCHIVE_TIMESTAMPS_MAX, EVIDENCE_RECORD_ALGORITHMS_MAX, REDUCED_HASH_TREE_LISTS_MAX,
};

/// An `EvidenceRecord`: its chains, oldest first.
#[derive(Debug)]
pub(super) struct EvidenceRecord<'a> {
    pub(super) chains: Vec<Chain<'a>>,
}

/// An `ArchiveTimeStampChain`, oldest first.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    /// All its bytes: the next chain covers them.
    pub(super) raw: &'a [u8],
    pub(super) timestamps: Vec<ArchiveTimestamp<'a>>,
}

/// An `ArchiveTimeStamp`.
#[derive(Debug)]
pub(super) struct ArchiveTimestamp<'a> {
    /// DER; absent when it is that of the token.
    pub(super) digest_algorithm: Option<&'a [u8]>,
    /// The reduced hash tree: lists of digests, from the leaves up. Absent when the token is over one digest.
    pub(super) tree: Option<Vec<Vec<&'a [u8]>>>,
    /// The token, DER.
    pub(super) token: &'a [u8],
}

impl<'a> EvidenceRecord<'a> {
    /// Reads a record in definite form; nothing may follow it.
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut fields = Tlv::only(der)?.expect(tag::SEQUENCE, "EvidenceRecord")?.reader();
        if fields.take(tag::INTEGER, "version")?.small_integer()? != 1 {
            return Err(Asn1Error::Value { what: "version" });
        }
        // A hint for readers; every timestamp names its own.
        let mut algorithms = fields.take(tag::SEQUENCE, "digest algorithms")?.reader();
        let mut count = 0;
        while !algorithms.is_empty() {
            count += 1;
            if count > EVIDENCE_RECORD_ALGORITHMS_MAX {
                let max = EVIDENCE_RECORD_ALGORITHMS_MAX;
                return Err(Asn1Error::Limit { what: "digest algorithms", max });
            }
            AlgorithmIdentifier::from_tlv(algorithms.any()?)?;
        }
        // cryptoInfos and encryptionInfo: what helps is taken from tokens and evidence; an archive that encrypted
        // its objects hands in the encrypted form.
        fields.optional(tag::context_constructed(0))?;
        fields.optional(tag::context_constructed(1))?;
        let mut list = fields.take(tag::SEQUENCE, "archive timestamp sequence")?.reader();
        fields.finish()?;
        let (mut chains, mut timestamps) = (Vec::new(), 0);
        while !list.is_empty() {
            if chains.len() == ARCHIVE_TIMESTAMP_CHAINS_MAX {
                return Err(Asn1Error::Limit { what: "chains", max: ARCHIVE_TIMESTAMP_CHAINS_MAX });
            }
            chains.push(Chain::parse(list.take(tag::SEQUENCE, "archive timestamp chain")?, &mut timestamps)?);
        }
        if chains.is_empty() {
            return Err(Asn1Error::Unexpected { expected: "an archive timestamp chain" });
        }
        Ok(Self { chains })
    }
}

impl<'a> Chain<'a> {
    fn parse(tlv: Tlv<'a>, count: &mut usize) -> Result<Self, Asn1Error> {
        let mut list = tlv.reader();
        let mut timestamps = Vec::new();
        while !list.is_empty() {
            *count += 1;
            if *count > ARCHIVE_TIMESTAMPS_MAX {
                return Err(Asn1Error::Limit { what: "archive timestamps", max: ARCHIVE_TIMESTAMPS_MAX });
            }
            timestamps.push(ArchiveTimestamp::parse(list.take(tag::SEQUENCE, "archive timestamp")?)?);
        }
        if timestamps.is_empty() {
            return Err(Asn1Error::Unexpected { expected: "an archive timestamp" });
        }
        Ok(Self { raw: tlv.raw, timestamps })
    }
}

impl<'a> ArchiveTimestamp<'a> {
    fn parse(tlv: Tlv<'a>) -> Result<Self, Asn1Error> {
        let mut fields = tlv.reader();
        // `[0] IMPLICIT AlgorithmIdentifier`: the same contents under another tag.
        let digest_algorithm = fields.optional(tag::context_constructed(0))?.map(|implicit| implicit.value);
        // `[1]` attributes say nothing about what is covered.
        fields.optional(tag::context_constructed(1))?;
        let tree = fields.optional(tag::context_constructed(2))?.map(tree).transpose()?;
        let token = fields.take(tag::SEQUENCE, "timestamp")?.raw;
        fields.finish()?;
        Ok(Self { digest_algorithm, tree, token })
    }
}

fn tree(implicit: Tlv<'_>) -> Result<Vec<Vec<&[u8]>>, Asn1Error> {
    let mut lists = Vec::new();
    let mut reader = implicit.reader();
    while !reader.is_empty() {
        if lists.len() == REDUCED_HASH_TREE_LISTS_MAX {
            return Err(Asn1Error::Limit { what: "lists in a hash tree", max: REDUCED_HASH_TREE_LISTS_MAX });
        }
        let mut digests = Vec::new();
        let mut list = reader.take(tag::SEQUENCE, "partial hash tree")?.reader();
        while !list.is_empty() {
            digests.push(list.take(tag::OCTET_STRING, "digest")?.value);
        }
        lists.push(digests);
    }
    if lists.first().is_none_or(Vec::is_empty) {
        return Err(Asn1Error::Unexpected { expected: "a list of digests" });
    }
    Ok(lists)
}
