//! What the demo prints: headings, steps with a mark, aligned tables; colours only where a person looks.

use std::io::{self, Write};

/// Where the demo prints.
pub(super) struct Screen<'a> {
    out: &'a mut dyn Write,
    colours: bool,
    headings: u32,
}

/// The meaning of a piece of text; a colour where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Warning,
}

/// A table cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    paint: Paint,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), paint: Paint::Plain }
    }
}

/// A cell with a meaning.
pub(super) fn painted(paint: Paint, text: impl Into<String>) -> Cell {
    Cell { text: text.into(), paint }
}

impl<'a> Screen<'a> {
    pub(super) fn new(out: &'a mut dyn Write, colours: bool) -> Self {
        Self { out, colours, headings: 0 }
    }

    /// A numbered heading.
    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.headings += 1;
        let line = self.paint(Paint::Bold, &format!("{}  {text}", self.headings));
        writeln!(self.out, "\n{line}")?;
        self.out.flush()
    }

    /// Something that went as it should. Flushed, so that progress is seen.
    pub(super) fn done(&mut self, text: &str) -> io::Result<()> {
        let mark = self.paint(Paint::Good, "✓");
        writeln!(self.out, "   {mark} {text}")?;
        self.out.flush()
    }

    /// Something that was refused, as it should.
    pub(super) fn refused(&mut self, text: &str) -> io::Result<()> {
        let mark = self.paint(Paint::Bad, "✗");
        writeln!(self.out, "   {mark} {text}")?;
        self.out.flush()
    }

    /// An explanation.
    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        let line = self.paint(Paint::Dim, text);
        writeln!(self.out, "   {line}")
    }

    /// One line as it is.
    pub(super) fn line(&mut self, paint: Paint, text: &str) -> io::Result<()> {
        let line = self.paint(paint, text);
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Columns as wide as their widest cell, two spaces apart, under a ruled head.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
        let widths: Vec<usize> = (0..head.len())
            .map(|column| {
                let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| width(&cell.text));
                cells.chain(head.get(column).map(|name| width(name))).max().unwrap_or(0)
            })
            .collect();
        let head: Vec<Cell> = head.iter().map(|name| painted(Paint::Bold, *name)).collect();
        let rule: Vec<Cell> = widths.iter().map(|width| painted(Paint::Dim, "─".repeat(*width))).collect();
        for row in [&head, &rule].into_iter().chain(rows) {
            let mut line = String::from("   ");
            for (place, (cell, full)) in row.iter().zip(&widths).enumerate() {
                line.push_str(&self.paint(cell.paint, &cell.text));
                // No spaces at the end of a line: recorded output stays clean.
                if place + 1 < row.len() {
                    line.push_str(&" ".repeat(full - width(&cell.text) + 2));
                }
            }
            writeln!(self.out, "{}", line.trim_end())?;
        }
        self.out.flush()
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Bold => 1,
            Paint::Dim => 2,
            Paint::Bad => 31,
            Paint::Good => 32,
            Paint::Warning => 33,
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Columns that a text takes. The demo prints letters of width one only.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(colours: bool) -> String {
        let mut out = Vec::new();
        let rows =
            [vec!["1".into(), painted(Paint::Good, "established")], vec!["дом".into(), painted(Paint::Bad, "no")]];
        Screen::new(&mut out, colours).table(&["№", "condition"], &rows).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_whatever_the_alphabet() {
        let expected = "   №    condition\n   ───  ───────────\n   1    established\n   дом  no\n";
        assert_eq!(printed(false), expected);
    }

    #[test]
    fn colours_change_no_letter_and_no_place() {
        let mut plain = printed(true);
        assert!(plain.contains("\x1b[32mestablished\x1b[0m"));
        for code in [0, 1, 2, 31, 32] {
            plain = plain.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(plain, printed(false));
    }
}
