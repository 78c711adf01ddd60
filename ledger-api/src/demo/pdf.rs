//! A one-page PDF of text, small enough to read: what the companies of the demo exchange.
//!
//! PDF 1.4 (ISO 32000-1): five objects, a cross-reference table, a trailer. The fonts are two of the standard 14,
//! which every viewer has; they know Latin letters only.

use std::fmt::Write as _;

/// A line of the page.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line<'a> {
    /// Bold, 18 points.
    Title(&'a str),
    /// Bold, 12 points.
    Heading(&'a str),
    /// 11 points.
    Text(&'a str),
    /// Space.
    Gap,
}

/// One A4 page (595 x 842 points). Text that does not fit is not wrapped, but runs off the page.
pub(super) fn page(title: &str, lines: &[Line<'_>]) -> Vec<u8> {
    let content = content(lines);
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R \
         /Resources << /Font << /F1 4 0 R /F2 5 0 R >> >> >>"
            .to_owned(),
        font("Helvetica"),
        font("Helvetica-Bold"),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        format!("<< /Title ({}) >>", escape(title)),
    ];
    // Four bytes above 127 tell file transfer programs that this is not text.
    let mut pdf = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(&objects) {
        let _ = writeln!(table, "{:010} 00000 n ", pdf.len());
        pdf.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let start = pdf.len();
    let size = objects.len() + 1;
    let trailer = format!("trailer\n<< /Size {size} /Root 1 0 R /Info 7 0 R >>\nstartxref\n{start}\n%%EOF\n");
    pdf.extend(table.bytes().chain(trailer.bytes()));
    pdf
}

fn font(name: &str) -> String {
    format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
}

/// Each line moves down by its leading and shows one string.
fn content(lines: &[Line<'_>]) -> String {
    let mut content = "BT\n60 780 Td\n".to_owned();
    for line in lines {
        let (font, size, leading, text) = match line {
            Line::Title(text) => ("F2", 18, 28, *text),
            Line::Heading(text) => ("F2", 12, 20, *text),
            Line::Text(text) => ("F1", 11, 16, *text),
            Line::Gap => ("F1", 11, 12, ""),
        };
        let _ = writeln!(content, "/{font} {size} Tf\n0 -{leading} Td\n({}) Tj", escape(text));
    }
    content.push_str("ET\n");
    content
}

/// Parentheses and backslashes are escaped; what ASCII does not have becomes a question mark.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '(' | ')' | '\\' => escaped.extend(['\\', letter]),
            ' '..='~' => escaped.push(letter),
            _ => escaped.push('?'),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_of_the_table_points_at_its_object_and_the_stream_has_its_length() {
        let pdf = page("A (title)", &[Line::Title("Supply"), Line::Gap, Line::Text("1 \\ (one) цена")]);
        let find = |needle: &str| pdf.windows(needle.len()).position(|window| window == needle.as_bytes());
        let text = String::from_utf8_lossy(&pdf);
        let start: usize = text.rsplit("startxref\n").next().unwrap().split('\n').next().unwrap().parse().unwrap();
        assert_eq!(Some(start), find("xref\n0 8\n"));
        let table = std::str::from_utf8(&pdf[start..]).unwrap();
        let entries: Vec<&str> = table.split_inclusive('\n').skip(2).take(8).collect();
        for (number, entry) in entries.iter().enumerate() {
            assert_eq!(entry.len(), 20);
            if number > 0 {
                let offset: usize = entry[..10].parse().unwrap();
                assert!(pdf[offset..].starts_with(format!("{number} 0 obj\n").as_bytes()), "{entry}");
            }
        }
        let begin = find("stream\n").unwrap() + 7;
        let length = find("endstream").unwrap() - begin;
        assert!(find(&format!("/Length {length} ")).is_some());
        assert!(find("(1 \\\\ \\(one\\) ????) Tj").is_some());
        assert!(pdf.starts_with(b"%PDF-1.4\n") && pdf.ends_with(b"%%EOF\n"));
    }
}
