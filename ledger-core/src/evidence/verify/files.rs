//! The file itself: checksums, digests, and that nothing is there which the bundle does not list.

use std::collections::BTreeSet;

use super::Case;
use crate::digest::Digest;
use crate::evidence::bundle::{ASIC_MANIFEST, MANIFEST, README, README_TEXT, asic_manifest};
use crate::evidence::finding::{Code, Finding};

pub(super) fn check(case: &mut Case<'_>) {
    let bundle = &case.bundle;
    let mut findings: Vec<Finding> = Vec::new();
    for damage in &bundle.damaged {
        let detail = format!("{} (content begins at byte {})", damage.name, damage.at);
        findings.push(Finding::new(Code::EntryDamaged, detail));
    }
    let mut listed: BTreeSet<&str> = BTreeSet::from([MANIFEST]);
    for entry in &bundle.manifest.files {
        listed.insert(&entry.name);
        match bundle.files.get(entry.name.as_str()) {
            None => findings.push(Finding::new(Code::FileUnlisted, format!("{} is not there", entry.name))),
            Some(content) => {
                let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
                if length != entry.bytes || Digest::sha256(&[content]) != entry.sha256 {
                    findings.push(Finding::new(Code::FileDigest, entry.name.clone()));
                }
            }
        }
    }
    for name in bundle.files.keys().filter(|name| !listed.contains(**name)) {
        findings.push(Finding::new(Code::FileUnlisted, format!("{name} is not listed")));
    }
    if findings.is_empty() {
        findings.push(Finding::new(Code::FilesVerified, format!("{} files", bundle.files.len())));
    }
    let names: BTreeSet<&str> = bundle.files.keys().copied().filter(|name| *name != ASIC_MANIFEST).collect();
    if bundle.files.get(ASIC_MANIFEST).copied() != Some(asic_manifest(&names).as_bytes()) {
        findings.push(Finding::new(Code::ManifestDiffers, format!("{ASIC_MANIFEST} does not list the files")));
    }
    if bundle.files.get(README).copied() != Some(README_TEXT.as_bytes()) {
        findings.push(Finding::new(Code::ReadmeDiffers, ""));
    }
    case.findings.extend(findings);
}
