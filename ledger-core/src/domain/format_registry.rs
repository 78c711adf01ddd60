//! The format registry, version 2026-11: which formats documents have, and how a content shows that it is one
//! (clauses 2.28, 2.30, 5.3.5.1).
//!
//! The check looks at leading bytes and encodings, so that a renamed file is found and named. It does not claim that
//! an XML is well-formed or that a PDF can be displayed.

use serde::de::IgnoredAny;

use crate::domain::event::{Format, VersionName};
use crate::domain::refusal::{Detail, Finding, RefusalCode};
use crate::id::IdError;
use crate::payload::PAYLOAD_BYTES_MAX;

/// Largest scan image in bytes: the agreement's 10 MB (clause 2.30; CT11 of clauses.md).
pub const SCAN_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// The registry's version; stands in `document.formed`.
pub fn version() -> Result<VersionName, IdError> {
    "2026-11".parse()
}

/// Reads a format's name.
pub fn parse_format(name: &str) -> Result<Format, Finding> {
    let known = Format::ALL.iter().find(|format| format.as_str() == name);
    known.copied().ok_or_else(|| Finding::at(RefusalCode::FormatUnknown, "format"))
}

/// The media type under which a content of the format is handed out.
pub const fn media_type(format: Format) -> &'static str {
    match format {
        Format::Pdf | Format::ScanPdf => "application/pdf",
        Format::Xml => "application/xml",
        Format::Json => "application/json",
        Format::Text => "text/plain; charset=utf-8",
        Format::ScanJpeg => "image/jpeg",
        Format::ScanPng => "image/png",
    }
}

/// The largest content in bytes.
pub const fn bytes_max(format: Format) -> u64 {
    match format {
        Format::ScanPdf | Format::ScanJpeg | Format::ScanPng => SCAN_BYTES_MAX,
        Format::Pdf | Format::Xml | Format::Json | Format::Text => PAYLOAD_BYTES_MAX,
    }
}

/// Checks a content; nothing found means that it is of the format.
pub fn check(format: Format, content: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if content.is_empty() {
        findings.push(Finding::at(RefusalCode::EmptyContent, "content"));
        return findings;
    }
    let (max, given) = (bytes_max(format), u64::try_from(content.len()).unwrap_or(u64::MAX));
    if given > max {
        findings.push(Finding::at(RefusalCode::ContentTooLarge, "content").with(Detail::Limit { max, given }));
    }
    if given > PAYLOAD_BYTES_MAX {
        // Not worth a parse.
        return findings;
    }
    if !has_form(format, content) {
        let found = detect(content);
        let code = if found.is_some() { RefusalCode::MediaTypeMismatch } else { RefusalCode::FormatViolation };
        let finding = Finding::at(code, "content");
        findings.push(match found {
            Some(format) => finding.with(Detail::Found { format }),
            None => finding,
        });
    } else if format == Format::ScanPdf && is_encrypted_pdf(content) {
        let finding = Finding::at(RefusalCode::FormatViolation, "content");
        findings.push(finding.with(Detail::Found { format: "pdf-encrypted" }));
    }
    findings
}

fn has_form(format: Format, content: &[u8]) -> bool {
    match format {
        Format::Pdf | Format::ScanPdf => detect(content) == Some("pdf"),
        Format::ScanJpeg => detect(content) == Some("jpeg"),
        Format::ScanPng => detect(content) == Some("png") && content.get(12..16) == Some(b"IHDR"),
        Format::Xml => is_xml(content),
        Format::Json => is_json(content),
        Format::Text => is_text(content),
    }
}

/// RFC 8259: one value in UTF-8 without BOM. Depth needs no limit: values are skipped without recursion or memory.
fn is_json(content: &[u8]) -> bool {
    std::str::from_utf8(content).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

fn is_text(content: &[u8]) -> bool {
    let readable = |one: char| !one.is_control() || matches!(one, '\t' | '\r' | '\n');
    std::str::from_utf8(content).is_ok_and(|text| text.chars().all(readable))
}

/// Begins as XML does: optional BOM and space, then a tag, declaration or comment. In any encoding that shares ASCII,
/// or in UTF-16 with BOM. HTML is not XML.
fn is_xml(content: &[u8]) -> bool {
    if content.starts_with(b"\xFF\xFE<\0") || content.starts_with(b"\xFE\xFF\0<") {
        return true;
    }
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content).trim_ascii_start();
    let html = |prefix: &[u8]| content.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    match content {
        [b'<', b'?' | b'!' | b'_' | b':' | b'A'..=b'Z' | b'a'..=b'z' | 0x80.., ..] => {
            !html(b"<!doctype html") && !html(b"<html")
        }
        _ => false,
    }
}

/// What a content is by its leading bytes.
fn detect(content: &[u8]) -> Option<&'static str> {
    /// Name, offset, bytes. The more telling come first.
    const SIGNATURES: &[(&str, usize, &[u8])] = &[
        ("pdf", 0, b"%PDF-"),
        ("png", 0, b"\x89PNG\r\n\x1A\n"),
        ("jpeg", 0, b"\xFF\xD8\xFF"),
        ("gif", 0, b"GIF87a"),
        ("gif", 0, b"GIF89a"),
        ("tiff", 0, b"II*\0"),
        ("tiff", 0, b"MM\0*"),
        ("heic", 4, b"ftyphei"),
        ("heic", 4, b"ftyphev"),
        ("heic", 4, b"ftypmif1"),
        ("heic", 4, b"ftypmsf1"),
        ("avif", 4, b"ftypavif"),
        ("webp", 8, b"WEBP"),
        ("djvu", 0, b"AT&TFORM"),
        ("zip", 0, b"PK\x03\x04"),
        ("7z", 0, b"7z\xBC\xAF\x27\x1C"),
        ("rar", 0, b"Rar!\x1A\x07"),
        ("gzip", 0, b"\x1F\x8B"),
        ("ole", 0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"),
        ("rtf", 0, b"{\\rtf"),
        ("elf", 0, b"\x7FELF"),
        ("xml", 0, b"<?xml"),
        ("html", 0, b"<html"),
        ("html", 0, b"<!DOCTYPE html"),
        ("bmp", 0, b"BM"),
        ("exe", 0, b"MZ"),
    ];
    let is = |offset: usize, bytes: &[u8]| content.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    SIGNATURES.iter().find(|(_, offset, bytes)| is(*offset, bytes)).map(|(name, ..)| *name)
}

/// Whether a PDF has an encryption dictionary, without which it would not ask for a password: `/Encrypt`, then a
/// reference (`12 0 R`) or the dictionary itself. Trailers and cross-reference streams hold it in clear.
fn is_encrypted_pdf(content: &[u8]) -> bool {
    const NAME: &[u8] = b"/Encrypt";
    let mut rest = content;
    while let Some(place) = rest.iter().position(|byte| *byte == b'/') {
        rest = rest.get(place..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix(NAME) {
            let value = after.trim_ascii_start();
            let reference = value.first().is_some_and(u8::is_ascii_digit)
                && value.iter().take(24).find(|byte| !byte.is_ascii_digit() && **byte != b' ') == Some(&b'R');
            if value.starts_with(b"<<") || reference {
                return true;
            }
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::refusal::RefusalCode::{
        ContentTooLarge, EmptyContent, FormatUnknown, FormatViolation, MediaTypeMismatch,
    };

    const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer <</Root 1 0 R>>\n%%EOF";
    const PNG: &[u8] = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\x01";
    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF";

    /// Declared format, content, and the finding that it gets.
    type Row<'a> = (Format, &'a [u8], Option<(RefusalCode, Option<Detail>)>);

    #[test]
    fn contents_are_recognised_by_their_bytes_not_their_names() {
        let found = |format| Some(Detail::Found { format });
        let big = |start: &[u8], bytes: u64| {
            let mut content = start.to_vec();
            content.resize(usize::try_from(bytes).unwrap(), b' ');
            content
        };
        let deep = [vec![b'['; 200_000], vec![b']'; 200_000]].concat();
        let too_large = |given| Some(Detail::Limit { max: SCAN_BYTES_MAX, given });
        let rows: &[Row<'_>] = &[
            (Format::Pdf, PDF, None),
            (Format::ScanPdf, PDF, None),
            (Format::ScanPng, PNG, None),
            (Format::ScanJpeg, JPEG, None),
            (Format::ScanPdf, PNG, Some((MediaTypeMismatch, found("png")))),
            (Format::ScanJpeg, b"\0\0\0\x18ftypheic\0\0", Some((MediaTypeMismatch, found("heic")))),
            (Format::ScanPng, JPEG, Some((MediaTypeMismatch, found("jpeg")))),
            (Format::ScanPng, b"\x89PNG\r\n\x1A\n", Some((MediaTypeMismatch, found("png")))),
            (Format::Pdf, b"PK\x03\x04docx", Some((MediaTypeMismatch, found("zip")))),
            (Format::Pdf, b" %PDF-1.7", Some((FormatViolation, None))),
            (Format::ScanPdf, b"%PDF-1.4 trailer <</Encrypt 9 0 R>>", Some((FormatViolation, found("pdf-encrypted")))),
            (Format::ScanPdf, b"%PDF-1.4 <</Encrypt<</V 2>>>>", Some((FormatViolation, found("pdf-encrypted")))),
            (Format::ScanPdf, b"%PDF-1.4 (see /Encrypt here) /EncryptMetadata true", None),
            (Format::Pdf, b"%PDF-1.4 trailer <</Encrypt 9 0 R>>", None),
            (Format::Pdf, b"", Some((EmptyContent, None))),
            (Format::ScanPdf, &big(PDF, SCAN_BYTES_MAX), None),
            (Format::ScanPdf, &big(PDF, SCAN_BYTES_MAX + 1), Some((ContentTooLarge, too_large(SCAN_BYTES_MAX + 1)))),
            (Format::Pdf, &big(PDF, SCAN_BYTES_MAX + 1), None),
            (Format::Json, b"{\"a\":[1,2.5,null]}", None),
            (Format::Json, &deep, None),
            (Format::Json, b"{\"a\":1}x", Some((FormatViolation, None))),
            (Format::Json, b"\xEF\xBB\xBF{}", Some((FormatViolation, None))),
            (Format::Json, b"\"\xFF\"", Some((FormatViolation, None))),
            (Format::Json, PDF, Some((MediaTypeMismatch, found("pdf")))),
            (Format::Xml, b"<?xml version=\"1.0\"?><a/>", None),
            (Format::Xml, b"\xEF\xBB\xBF \r\n<doc/>", None),
            (Format::Xml, b"\xFF\xFE<\0a\0/\0>\0", None),
            (Format::Xml, b"<!DOCTYPE HTML><html>", Some((FormatViolation, None))),
            (Format::Xml, b"<1>", Some((FormatViolation, None))),
            (Format::Xml, b"a<b/>", Some((FormatViolation, None))),
            (Format::Xml, PDF, Some((MediaTypeMismatch, found("pdf")))),
            (Format::Text, "Құжат\r\n\tдва".as_bytes(), None),
            (Format::Text, b"a\0b", Some((FormatViolation, None))),
            (Format::Text, b"\xD4\xEE", Some((FormatViolation, None))),
            (Format::Text, PNG, Some((MediaTypeMismatch, found("png")))),
        ];
        for (format, content, expected) in rows {
            let findings: Vec<_> = check(*format, content).into_iter().map(|one| (one.code, one.detail)).collect();
            let start = content.get(..content.len().min(20));
            assert_eq!(findings, expected.clone().into_iter().collect::<Vec<_>>(), "{format} {start:?}");
        }
    }

    #[test]
    fn every_format_has_its_name_and_others_are_unknown() {
        for format in Format::ALL {
            assert_eq!(parse_format(format.as_str()), Ok(*format));
        }
        for name in ["docx", "PDF", ""] {
            assert_eq!(parse_format(name).unwrap_err().code, FormatUnknown);
        }
        assert_eq!(version().unwrap().as_str(), "2026-11");
    }

    #[test]
    fn an_endless_run_of_slashes_is_looked_at_once() {
        let mut content = PDF.to_vec();
        content.resize(9_000_000, b'/');
        assert_eq!(check(Format::ScanPdf, &content), []);
    }
}
