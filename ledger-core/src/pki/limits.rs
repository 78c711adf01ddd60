//! Every ceiling of the signature and certificate parsers, each with its reason (pki.md 7.6).

/// A CMS with its content inside: the largest document we take, with room.
pub const CMS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A detached CMS: certificates, CRLs and timestamps of a whole CAdES-LTA fit; no honest one is larger.
pub const CMS_DETACHED_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Nesting of BER; a CAdES-LTA with tokens inside tokens needs fewer than 30.
pub const BER_DEPTH_MAX: u32 = 32;
/// TLVs in one BER message.
pub const BER_ELEMENTS_MAX: u32 = 200_000;
/// Certificates carried in one CMS.
pub const CMS_CERTIFICATES_MAX: usize = 64;
/// CRLs carried in one CMS.
pub const CMS_CRLS_MAX: usize = 16;
/// Signers of one CMS.
pub const SIGNERS_MAX: usize = 32;
/// Attributes of one signer, signed and unsigned each.
pub const ATTRIBUTES_MAX: usize = 64;
/// One attribute (the largest real ones carry timestamps with their revocation data).
pub const ATTRIBUTE_BYTES_MAX: usize = 256 * 1024;
/// Timestamps of one signature: one or two are usual, ten years of archiving add some ten.
pub const TIMESTAMPS_MAX: usize = 16;
/// One timestamp token; with certificates and revocation data some 20 KiB.
pub const TIMESTAMP_BYTES_MAX: usize = 256 * 1024;
/// One evidence record: a decade of renewals has some 50 KiB.
pub const EVIDENCE_RECORD_BYTES_MAX: usize = 1024 * 1024;
/// Chains of one evidence record: a new one is begun when a digest weakens, which happens every ten years or so.
pub const ARCHIVE_TIMESTAMP_CHAINS_MAX: usize = 10;
/// Timestamps of one evidence record: certificates of authorities last for three years and more.
pub const ARCHIVE_TIMESTAMPS_MAX: usize = 100;
/// Digest algorithms listed by one evidence record: one for each chain.
pub const EVIDENCE_RECORD_ALGORITHMS_MAX: usize = 32;
/// Lists of one reduced hash tree: a binary tree over as many objects as there are bytes in memory needs no more.
pub const REDUCED_HASH_TREE_LISTS_MAX: usize = 64;
/// One certificate; real ones have 1 to 3 KiB, test suites go to some 60 KiB.
pub const CERTIFICATE_BYTES_MAX: usize = 256 * 1024;
/// Extensions of one certificate or CRL.
pub const EXTENSIONS_MAX: usize = 64;
/// Attributes in one distinguished name.
pub const NAME_ATTRIBUTES_MAX: usize = 64;
/// One CRL; that of the Kazakh national authority has 22 MB.
pub const CRL_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Entries of one CRL.
pub const CRL_ENTRIES_MAX: usize = 2_000_000;
/// Certificates and CRLs in one evidence set or trust snapshot.
pub const EVIDENCE_ITEMS_MAX: usize = 512;
/// Certificates between target and anchor, both counted out; national hierarchies have one or two.
pub const PATH_LENGTH_MAX: usize = 8;
/// Complete paths looked at for one certificate: cross-certified meshes explode otherwise.
pub const CANDIDATE_PATHS_MAX: usize = 64;
/// Steps of one search for paths: links verified once cost nothing again, so a mesh of a few cross-certified CAs
/// would be walked for ever without this. Real hierarchies take fewer than ten.
pub const PATH_STEPS_MAX: u32 = 2_000;
/// Certificates of an issuer's name with another key that are looked at when no path was found.
pub const REFUTATIONS_MAX: usize = 8;
/// Public-key operations for one report; at under 2 ms each, the time of a report is bounded.
pub const SIGNATURE_OPERATIONS_MAX: u32 = 200;
/// Content that goes through a public-key operation as a whole counts as one more for each of these: a slow digest takes
/// some 50 ms for it.
pub const BYTES_OF_ONE_OPERATION: usize = 1024 * 1024;
/// Of these, what timestamps leave to the signatures: anybody can add tokens, and must not exhaust a signature by them.
pub const SIGNATURE_OPERATIONS_RESERVED: u32 = 100;
/// A PEM text with a whole trust store.
pub const PEM_BYTES_MAX: usize = 128 * 1024 * 1024;
/// One OCSP response; real ones have 1 to 3 KiB, with the whole path of the responder under 10.
pub const OCSP_BYTES_MAX: usize = 256 * 1024;
/// Single responses in one OCSP response; real ones have one.
pub const OCSP_ANSWERS_MAX: usize = 64;
/// Certificates in one OCSP response; real ones have one.
pub const OCSP_CERTIFICATES_MAX: usize = 16;
/// Different issuers named by the entries of one indirect CRL; a CA that revokes for others serves a few.
pub const CRL_ENTRY_ISSUERS_MAX: usize = 1024;
/// Certificates tried as the signer of one CRL or OCSP response, when the name fits and the issuer's own key does not.
pub const EVIDENCE_SIGNERS_MAX: usize = 8;
/// Evidence about the signer of evidence about the signer: real hierarchies need two levels.
pub const REVOCATION_DEPTH_MAX: usize = 4;
/// Questions about the status of one certificate in one report, for a path of three at two moments asks six.
pub const REVOCATION_QUESTIONS_MAX: u32 = 500;
/// Items of each kind that are kept as evidence of one check: a path of eight certificates asks for as many answers, at
/// the signing and again at the receipt.
pub const USED_EVIDENCE_ITEMS_MAX: usize = 32;
/// One such item; OCSP answers and time-stamp tokens have the same ceiling.
pub const USED_EVIDENCE_ITEM_BYTES_MAX: usize = 256 * 1024;
