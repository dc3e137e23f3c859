//! What is wrong with a configuration file, and where: one line each, as an editor or a terminal can jump to.

use std::{fmt, ops::Range, str::Utf8Error};

/// A range of bytes of the file's text.
pub(super) type Span = Range<usize>;

/// A place in a text, counted from 1. Columns count characters: a tab is one, an umlaut is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// The place of the byte at `offset`, which begins a character of `text` or is its end.
    pub(super) fn at(text: &str, offset: usize) -> Self {
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One mistake: `7:11: processor.core = -1: must be a whole number from 0 to 1023`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it is.
    pub position: Position,
    /// What is said there: the key with its tables (`processor.core`) and the value as written, as far as the
    /// mistake has them.
    pub subject: Option<String>,
    /// What is wrong with it and what would be right.
    pub what: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.position)?;
        if let Some(subject) = &self.subject {
            write!(f, "{subject}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// All that is wrong with a file, in its order; at least one finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostics {
    file: String,
    diagnostics: Vec<Diagnostic>,
}

impl Diagnostics {
    /// What was found in the file called `file`, in any order.
    pub(super) fn new(file: &str, mut diagnostics: Vec<Diagnostic>) -> Self {
        debug_assert!(!diagnostics.is_empty(), "a good file is not an error");
        diagnostics.sort_by_key(|diagnostic| diagnostic.position);
        Self { file: file.to_owned(), diagnostics }
    }

    /// The one finding in `bytes` that are not UTF-8.
    pub(super) fn not_text(file: &str, bytes: &[u8], error: Utf8Error) -> Self {
        let good = str::from_utf8(&bytes[..error.valid_up_to()]).expect("this far it is valid");
        let what = format!("byte {:#04x} is not UTF-8 text: save the file as UTF-8", bytes[good.len()]);
        Self::new(file, vec![Diagnostic { position: Position::at(good, good.len()), subject: None, what }])
    }

    /// A line for each, with the name of the file.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.diagnostics.iter().map(|diagnostic| format!("{}:{diagnostic}", self.file))
    }

    /// The findings, first in the file first.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, diagnostics } = self;
        for (n, diagnostic) in diagnostics.iter().enumerate() {
            let newline = if n == 0 { "" } else { "\n" };
            write!(f, "{newline}{file}:{diagnostic}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_end_in_any_way() {
        let text = "a\r\n\tü = 1\n";
        let places = [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (4, (2, 2)), (6, (2, 3)), (text.len(), (3, 1))];
        for (offset, (line, column)) in places {
            assert_eq!(Position::at(text, offset), Position { line, column }, "byte {offset}");
        }
    }
}
