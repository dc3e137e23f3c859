//! Texts that peers, cameras and files bring along, without what would control the terminal that shows them.

use std::fmt::{self, Write};

/// Displays a value with its control characters replaced. Line ends and tabs stay.
///
/// Everything that a command prints and the log writes goes through this: a terminal takes escape sequences as orders.
#[derive(Clone, Copy, Debug)]
pub struct Printable<T>(pub T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Filter(f), "{}", self.0)
    }
}

struct Filter<'f, 'b>(&'f mut fmt::Formatter<'b>);

impl fmt::Write for Filter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| {
            let is_kept = c == '\n' || c == '\t' || !controls_terminal(c);
            self.0.write_char(if is_kept { c } else { char::REPLACEMENT_CHARACTER })
        })
    }
}

/// The text in one line: line ends and tabs are replaced, too. For a field between others.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if controls_terminal(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// JSON with escapes in place of control characters: the same values, for whoever reads it. Line ends stay.
#[must_use]
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\r' => safe.push(' '), // space between values; in a text JSON has them as escapes only
            '\n' => safe.push(c),
            c if controls_terminal(c) => {
                let _ = write!(safe, "\\u{:04x}", u32::from(c)); // writing to a String cannot fail
            }
            c => safe.push(c),
        }
    }
    safe
}

/// The same in one line.
#[must_use]
pub fn json_line(text: &str) -> String {
    json(text).replace('\n', " ")
}

/// Control characters, and those that change the order in which a line is read.
fn controls_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_control_the_terminal() {
        let text = "\u{1b}[2J\u{9b}31mred\u{7}\u{202e}\r\n\tend";
        assert_eq!(
            Printable(text).to_string(),
            "\u{fffd}[2J\u{fffd}31mred\u{fffd}\u{fffd}\u{fffd}\n\tend",
            "line ends and tabs stay"
        );
        assert_eq!(one_line("a\nb\tc\u{1b}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
    }

    #[test]
    fn json_keeps_its_values() {
        let text = "{\r\n\"a\": \"\u{7f}\u{9b}31m\u{fc}\u{202e}\"}";
        let safe = json(text);
        assert_eq!(safe, "{ \n\"a\": \"\\u007f\\u009b31m\u{fc}\\u202e\"}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&safe), value(text));
        assert_eq!(json_line(text), safe.replace('\n', " "));
    }
}
